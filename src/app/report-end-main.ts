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

/** Longest it takes in all; and the part of it in which writes are repeated. */
const GIVE_UP_MS = 10_000;
const PATIENCE_MS = 6_000;
/** Longest that saving what the worker had finished may hold up the report. */
const SAVE_MS = 3_000;

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
  const log = await createLog({ destination: 'stderr', bindings: { job: flags['job'] ?? '' } });
  // The script passes nothing on any more, but Slurm signals every process.
  process.on('SIGTERM', () => undefined);
  process.on('SIGUSR2', () => undefined);
  const late = surroundings.clock.after(GIVE_UP_MS, () => process.exit(1));
  try {
    const urls = { state: flags['state'] ?? '', store: flags['store'] ?? '' };
    return await report(surroundings, { log, urls, status: Number(flags['report-end']) });
  } catch (error) {
    log.error('the end of the worker could not be reported', {
      error: isAppError(error) ? error.message : messageOf(error),
    });
    return 1;
  } finally {
    late();
  }
}

interface Urls {
  readonly state: string;
  readonly store: string;
}

async function report(
  surroundings: Surroundings,
  { log, urls, status }: { readonly log: Log; readonly urls: Urls; readonly status: number },
): Promise<number> {
  const { env } = surroundings;
  const owner = scriptProcess(env);
  const found = owner === null ? null : await findBeacon(env, owner);
  if (found === null || owner === null) {
    log.warn('the worker had no task in hand when it ended', { status });
    return 0;
  }
  const { task } = found;
  const worker: DeadWorker = { reading: found, status, evidence: lastWords() };
  const { cause, detail } = describeEnd(worker);
  const context = await contextOf(surroundings, urls.state);
  const saved = await saveInTime(context, surroundings, { store: urls.store, log, worker });
  const ours = await reportEnd(context, worker);
  const fields = { task: task.task, attempt: task.attempt, cause, detail, saved };
  if (ours) log.error('the worker died; its task waits for another attempt', fields);
  else log.warn('the worker died; its task is no longer its own', fields);
  await removeLeft(env, owner);
  return 0;
}

/** Items saved. The task is given back in any case, and soon. */
async function saveInTime(
  context: Parameters<typeof reportEnd>[0],
  surroundings: Surroundings,
  { store: url, log, worker }: { readonly store: string; readonly log: Log; readonly worker: DeadWorker },
): Promise<number> {
  const save = async (): Promise<number> => {
    const { store } = await openStore(url, surroundings);
    const { task } = worker.reading;
    const last = { nowMs: surroundings.clock.nowMs(), node: nodeOf(surroundings), ...describeEnd(worker) };
    // A log is no reason to lose results.
    const storing = saveLogForDead({ store, logFiles: createLogFiles() }, task, last).catch((error: unknown) =>
      log.warn('the log of the worker could not be saved', { error: messageOf(error) }),
    );
    const saved = await saveForDead({ ...context, store, resultFiles: await createSqliteResultFiles() }, task);
    await storing;
    return saved;
  };
  const late = surroundings.clock.sleep(SAVE_MS).then(() => 0);
  return Promise.race([save(), late]).catch((error: unknown) => {
    log.warn('what the worker had finished could not be saved', { error: messageOf(error) });
    return 0;
  });
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
