/**
 * Entry of an array element: reads its place in the job from argv and the SLURM_* variables, plugs the worker together and runs it. SIGUSR2 and
 * SIGTERM, from the script that started it or from the batch system, both mean "save what there is and leave".
 */
import { parseArgs } from 'node:util';
import { createLeafParts } from '../backends/leaf-part/index.ts';
import { createHandlerHost } from '../backends/handler/index.ts';
import { createLog, createLogFiles } from '../backends/log/index.ts';
import { createSqliteResultFiles } from '../backends/result-file/index.ts';
import { createScratch } from '../backends/scratch.ts';
import type { RequestTotals } from '../backends/shared/aws/meter.ts';
import { asJobId, asSubmissionId } from '../domain/ids.ts';
import type { WorkerAssignment } from '../domain/manifest.ts';
import { isAppError } from '../errors/app-error.ts';
import type { MeasuredLimiter } from '../limiter/limiter.ts';
import type { Clock } from '../ports/clock.ts';
import type { Scratch } from '../ports/scratch.ts';
import { backoffMs } from '../retry/backoff.ts';
import type { ElementInput } from '../worker/needs.ts';
import { runElement } from '../worker/run-element.ts';
import { createSurroundings, openDrivers, type Drivers, type Surroundings } from './job-backends.ts';
import { createLateLimiter } from './late-limiter.ts';
import { createLatePools } from './late-pools.ts';
import { ENDED_BY_HANDLER, openBeacon, type OpenBeacon } from './open-beacon.ts';
import { packageVersion } from './package-files.ts';
import { scriptProcess } from './script-process.ts';

/** The next window of a quota is waited for so long; a job that has to wait for longer holds no nodes meanwhile. */
const QUOTA_PATIENCE_MS = 10 * 60_000;

const OPTIONS = {
  job: { type: 'string' },
  submission: { type: 'string' },
  wave: { type: 'string' },
  offset: { type: 'string' },
  'wave-elements': { type: 'string' },
  group: { type: 'string' },
  'memory-bytes': { type: 'string' },
  'time-ms': { type: 'string' },
  home: { type: 'string' },
  store: { type: 'string' },
  state: { type: 'string' },
  queue: { type: 'string' },
  scheduler: { type: 'string' },
} as const;

/** Submissions of earlier versions lack these: they are for the whole wave, and ask for what the job file does. */
type Optional = 'group' | 'memory-bytes' | 'time-ms';
type Flags = Record<Exclude<keyof typeof OPTIONS, Optional>, string> & Partial<Record<Optional, string>>;

/** Runs one array element. The exit code is 0 even when items failed: that is the job's outcome, not the element's. */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const flags = parseArgs({ args: [...argv], options: OPTIONS }).values as Flags;
  const surroundings = createSurroundings(env);
  const log = await createLog({ destination: 'stderr', bindings: { job: flags.job } });
  const stop = new AbortController();
  const letGo = keepAlive(surroundings.clock);
  // `on`, not `once`: a second signal must not kill a worker that is saving its work, and the script hands on what Slurm sends to all processes.
  process.on('SIGUSR2', () => stop.abort('drain:time-limit'));
  process.on('SIGTERM', () => stop.abort('drain:terminated'));
  let opened: OpenBeacon | undefined;
  process.on('exit', (code) => {
    if (opened?.beacon?.exiting(code) === true) process.exitCode = ENDED_BY_HANDLER;
  });
  try {
    const drivers = await openDrivers(surroundings, {
      home: flags.home,
      store: flags.store,
      state: flags.state,
      queue: flags.queue,
    });
    const scratch = await ownScratch(drivers);
    opened = await openBeacon(scratch);
    const input = inputOf(flags, surroundings);
    const limiter = createLateLimiter({
      ...drivers,
      log,
      endsAtMs: input.endsAtMs,
      quotaPatienceMs: QUOTA_PATIENCE_MS,
    });
    const report = await runElement(
      {
        ...drivers,
        ...(opened.beacon === undefined ? {} : { beacon: opened.beacon }),
        scratch,
        spills: await drivers.spills(),
        resultFiles: await createSqliteResultFiles(),
        leafParts: createLeafParts(),
        handlers: createHandlerHost({ strayLog: log, capturesConsole: true }),
        logFiles: createLogFiles(),
        limiter,
        openPools: (priorities) =>
          createLatePools({ ...drivers, log, priorities, holder: { job: flags.job, node: input.node } }),
        log,
        backoffMs,
        stop: stop.signal,
        version: packageVersion(),
      },
      input,
    );
    log.info('element ended', { ...report, ...requestsOf(surroundings), ...limitsOf(limiter) });
    return 0;
  } catch (error) {
    if (isAppError(error))
      log.error(error.message, { code: error.code, hint: error.hint, ...requestsOf(surroundings) });
    else log.error('bug in slurmctl', { stack: error instanceof Error ? error.stack : String(error) });
    return 1;
  } finally {
    await opened?.close();
    letGo();
  }
}

/** What it makes on node-local disk belongs to the script, which looks at it after the worker's death. */
async function ownScratch(drivers: Drivers): Promise<Scratch> {
  const { env, ids, host } = drivers;
  const owner = scriptProcess(env);
  return owner === null ? drivers.scratch() : createScratch({ env, ids, host: { ...host, processName: owner } });
}

function inputOf(flags: Flags, { env, host }: Surroundings): ElementInput {
  return {
    assignment: assignmentOf(flags),
    batchJobId: env['SLURM_ARRAY_JOB_ID'] ?? env['SLURM_JOB_ID'] ?? 'none',
    index: Number(env['SLURM_ARRAY_TASK_ID'] ?? 0),
    restarts: Number(env['SLURM_RESTART_COUNT'] ?? 0),
    node: env['SLURMD_NODENAME'] ?? host.hostname,
    endsAtMs: env['SLURM_JOB_END_TIME'] === undefined ? null : Number(env['SLURM_JOB_END_TIME']) * 1_000,
  };
}

function assignmentOf(flags: Flags): WorkerAssignment {
  const { 'memory-bytes': memoryBytes, 'time-ms': timeMs } = flags;
  return {
    job: asJobId(flags.job),
    submission: asSubmissionId(flags.submission),
    wave: Number(flags.wave),
    offset: Number(flags.offset),
    waveElements: Number(flags['wave-elements']),
    ...(flags.group === undefined ? {} : { group: Number(flags.group) }),
    ...(memoryBytes === undefined || timeMs === undefined
      ? {}
      : { size: { memoryBytes: Number(memoryBytes), timeMs: Number(timeMs) } }),
  };
}

/** What this element asked of services; nothing when all state is in directories. */
function requestsOf({ meter }: Surroundings): { readonly requests?: readonly RequestTotals[] } {
  const requests = meter.totals();
  return requests.length === 0 ? {} : { requests };
}

/** What this element took of rate limits, and what that cost; nothing when it asked for none. */
function limitsOf(limiter: MeasuredLimiter): { readonly limits?: ReturnType<MeasuredLimiter['figures']> } {
  const limits = limiter.figures();
  return Object.keys(limits).length === 0 ? {} : { limits };
}

/** Time-outs and heartbeats do not keep a process alive, and a handler may wait for nothing else: Node would end in the middle of its item. */
function keepAlive(clock: Clock): () => void {
  const over = new AbortController();
  clock.sleep(Number.POSITIVE_INFINITY, over.signal).catch(() => undefined);
  return () => over.abort();
}
