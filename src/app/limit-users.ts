/** Which live jobs use a limit of the site, and which of their workers wait for it. */
import { readMeta } from '../coordinator/job-meta.ts';
import { readRequest } from '../coordinator/manifests.ts';
import { readTasks } from '../coordinator/task-list.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import { knownJobs } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { createDriversOf } from './job-drivers.ts';

/** A live job that uses the limit. */
export interface LimitUser {
  readonly job: JobId;
  readonly meta: JobMeta;
  readonly own: Drivers;
}

/** Reads what every live job asked for: a job whose own words cannot be read is taken for one that uses no limit. */
export async function limitUsers(drivers: Drivers, name: string): Promise<LimitUser[]> {
  const driversOf = createDriversOf(drivers);
  const users: LimitUser[] = [];
  for (const known of await knownJobs(drivers.state)) {
    if (!known.live || known.spool !== undefined) continue;
    const meta = await readMeta(drivers.state, known.id);
    if (meta === null || isFinalJobState(meta.state)) continue;
    const own = await driversOf(known);
    if (await uses(own, known.id, name)) users.push({ job: known.id, meta, own });
  }
  return users;
}

async function uses({ store }: Drivers, job: JobId, name: string): Promise<boolean> {
  try {
    const request = await readRequest(store, job);
    return request?.spec.limits?.some((limit) => limit.name === name) === true;
  } catch (error) {
    if (isAppError(error, 'MANIFEST_CORRUPT')) return false;
    throw error;
  }
}

export interface LimitWaiters {
  readonly runningTasks: number;
  readonly waitingTasks: number;
  /** Epoch ms; null when nobody can say. */
  readonly nextMs: number | null;
}

/** From what the workers of a job last said with their heartbeats. */
export async function limitWaiters({ job, meta, own }: LimitUser, name: string): Promise<LimitWaiters> {
  let runningTasks = 0;
  let waitingTasks = 0;
  let nextMs: number | null = null;
  for await (const { state, waiting } of readTasks(own.state, job, meta.shards)) {
    if (state !== 'RUNNING') continue;
    runningTasks += 1;
    if (waiting?.kind !== 'limit' || waiting.name !== name) continue;
    waitingTasks += 1;
    if (waiting.untilMs !== undefined) nextMs = Math.min(nextMs ?? Infinity, waiting.untilMs);
  }
  return { runningTasks, waitingTasks, nextMs };
}
