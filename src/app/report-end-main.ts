/**
 * Says what a worker was doing that died, and gives its task back: a short process that the script of the element starts. Nobody waits for it but
 * the script, so it gives up after a few seconds; `advance` then learns of the task from the batch system.
 */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createBeacons } from '../backends/beacon/index.ts';
import { lastWords } from '../backends/beacon/last-words.ts';
import { createLog, createLogFiles } from '../backends/log/index.ts';
import { createSqliteResultFiles } from '../backends/result-file/index.ts';
import { scratchOf } from '../backends/scratch.ts';
import { isAppError, messageOf } from '../errors/app-error.ts';
import type { BeaconReading } from '../ports/beacon.ts';
import type { Log } from '../ports/log.ts';
import { backoffMs } from '../retry/backoff.ts';
import { describeEnd, reportEnd, type DeadWorker } from '../worker/report-end.ts';
import { saveLogForDead } from '../worker/save-log-for-dead.ts';
import { saveForDead } from '../worker/save-for-dead.ts';
import { createSurroundings, type Surroundings } from './job-backends.ts';
import { BEACON } from './open-beacon.ts';
import { openState, openStore } from './open-backends.ts';
import { scriptProcess } from './script-process.ts';
import { speakForDead, type SpokenFor } from './speak-for-dead.ts';

/** Longest it takes in all; the part of it in which writes are repeated; and what is left at its end, when the log is given up. */
const GIVE_UP_MS = 10_000;
const PATIENCE_MS = 6_000;
const LAST_WORD_MS = 500;

const OPTIONS = {
  job: { type: 'string' },
  state: { type: 'string' },
  store: { type: 'string' },
  'report-end': { type: 'string' },
} as const;

/** @returns 0 when there is nothing more to say of the worker, else the script says that nobody did */
export async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const flags = parseArgs({ args: [...argv], options: OPTIONS, strict: false }).values as Record<string, string>;
  const surroundings = createSurroundings(env);
  const startedMs = surroundings.clock.monotonicMs();
  const log = await createLog({ destination: 'stderr', bindings: { job: flags['job'] ?? '' } });
  // The script passes nothing on any more, but Slurm signals every process.
  process.on('SIGTERM', () => undefined);
  process.on('SIGUSR2', () => undefined);
  const late = surroundings.clock.after(GIVE_UP_MS, () => process.exit(1));
  try {
    const urls = { state: flags['state'] ?? '', store: flags['store'] ?? '' };
    return await report(surroundings, { log, urls, status: Number(flags['report-end']), startedMs });
  } catch (error) {
    log.error('the end of the worker could not be reported', {
      error: isAppError(error) ? error.message : messageOf(error),
    });
    return 1;
  } finally {
    late();
  }
}

interface Request {
  readonly log: Log;
  readonly urls: { readonly state: string; readonly store: string };
  readonly status: number;
  /** Of the monotonic clock. */
  readonly startedMs: number;
}

async function report(surroundings: Surroundings, request: Request): Promise<number> {
  const { env } = surroundings;
  const { log, status } = request;
  const owner = scriptProcess(env);
  const found = owner === null ? null : await findBeacon(env, owner);
  if (found === null || owner === null) {
    log.warn('the worker had no task in hand when it ended', { status });
    return 0;
  }
  const { task } = found;
  const worker: DeadWorker = { reading: found, status, evidence: lastWords() };
  const { cause, detail } = describeEnd(worker);
  const { saved, ours } = await speakFor(surroundings, request, worker);
  const fields = { task: task.task, attempt: task.attempt, cause, detail, saved };
  if (ours) log.error('the worker died; its task waits for another attempt', fields);
  else log.warn('the worker died; its task is no longer its own', fields);
  await removeLeft(env, owner);
  return 0;
}

async function speakFor(surroundings: Surroundings, request: Request, worker: DeadWorker): Promise<SpokenFor> {
  const { clock } = surroundings;
  const { log, urls, startedMs } = request;
  const { task } = worker.reading;
  const context = await contextOf(surroundings, urls.state);
  const last = { nowMs: clock.nowMs(), node: nodeOf(surroundings), ...describeEnd(worker) };
  return speakForDead(
    { clock, log },
    {
      async saveResults() {
        const { store } = await openStore(urls.store, surroundings);
        return saveForDead({ ...context, store, resultFiles: await createSqliteResultFiles() }, task);
      },
      report: () => reportEnd(context, worker),
      async saveLog(signal) {
        const { store } = await openStore(urls.store, surroundings);
        await saveLogForDead({ store, logFiles: createLogFiles(), signal }, task, last);
      },
    },
    startedMs + GIVE_UP_MS - LAST_WORD_MS,
  );
}

const nodeOf = ({ env, host }: Surroundings): string => env['SLURMD_NODENAME'] ?? host.hostname;

async function contextOf(surroundings: Surroundings, stateUrl: string): Promise<Parameters<typeof reportEnd>[0]> {
  const { clock, random } = surroundings;
  const state = await openState(stateUrl, surroundings);
  const untilMs = clock.nowMs() + PATIENCE_MS;
  return {
    deps: { state, clock, random, backoffMs, stop: new AbortController().signal },
    input: { endsAtMs: untilMs },
  };
}

async function findBeacon(env: NodeJS.ProcessEnv, owner: string): Promise<BeaconReading | null> {
  for (const path of await scratchOf({ env }, BEACON, owner)) {
    const reading = createBeacons().read(join(path, BEACON));
    if (reading !== null) return reading;
  }
  return null;
}

/** What the worker would have removed itself. */
async function removeLeft(env: NodeJS.ProcessEnv, owner: string): Promise<void> {
  for (const purpose of [BEACON, 'attempt', 'handler'])
    for (const path of await scratchOf({ env }, purpose, owner))
      await rm(dirname(path), { recursive: true, force: true }).catch(() => undefined);
}
