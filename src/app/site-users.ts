/** Which live jobs use a limit or a pool of the site, and which of their workers wait for it. */
import { readMeta } from '../coordinator/job-meta.ts';
import { readRequest } from '../coordinator/manifests.ts';
import { readTasks, type Task } from '../coordinator/task-list.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import { groupOfPool } from '../domain/turns.ts';
import { isAppError } from '../errors/app-error.ts';
import { knownJobs } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { createDriversOf } from './job-drivers.ts';

/** What is shared. */
export interface Shared {
  readonly kind: 'limit' | 'pool';
  readonly name: string;
}

/** A live job that uses it. */
export interface SiteUser {
  readonly job: JobId;
  readonly meta: JobMeta;
  readonly own: Drivers;
}

/** Reads what every live job asked for: a job whose own words cannot be read is taken for one that shares nothing. */
export async function usersOf(drivers: Drivers, shared: Shared): Promise<SiteUser[]> {
  const driversOf = createDriversOf(drivers);
  const users: SiteUser[] = [];
  for (const known of await knownJobs(drivers.state)) {
    if (!known.live || known.spool !== undefined) continue;
    const meta = await readMeta(drivers.state, known.id);
    if (meta === null || isFinalJobState(meta.state)) continue;
    const own = await driversOf(known);
    if (await uses(own, known.id, shared)) users.push({ job: known.id, meta, own });
  }
  return users;
}

async function uses({ store }: Drivers, job: JobId, { kind, name }: Shared): Promise<boolean> {
  try {
    const spec = (await readRequest(store, job))?.spec;
    const group = groupOfPool(name);
    if (kind === 'pool' && group !== null) return spec?.concurrency?.group === group;
    const named: readonly { readonly name: string }[] = (kind === 'limit' ? spec?.limits : spec?.pools) ?? [];
    return named.some((shared) => shared.name === name);
  } catch (error) {
    if (isAppError(error, 'MANIFEST_CORRUPT')) return false;
    throw error;
  }
}

export interface SiteWaiters {
  readonly runningTasks: number;
  readonly waitingTasks: number;
  /** Epoch ms; null when nobody can say. */
  readonly nextMs: number | null;
}

/** From what the workers of a job last said with their heartbeats; `see` is told of every running task. */
export async function waitersOf(
  { job, meta, own }: SiteUser,
  { kind, name }: Shared,
  see: (running: Task) => void = () => {},
): Promise<SiteWaiters> {
  let runningTasks = 0;
  let waitingTasks = 0;
  let nextMs: number | null = null;
  const nowMs = own.clock.nowMs();
  for await (const task of readTasks(own.state, job, meta.shards)) {
    const { state, waiting } = task;
    if (state !== 'RUNNING') continue;
    runningTasks += 1;
    see(task);
    if (waiting?.kind !== kind || waiting.name !== name) continue;
    waitingTasks += 1;
    // What its worker expected for a moment that is past says nothing of the next one.
    if (waiting.untilMs !== undefined && waiting.untilMs > nowMs)
      nextMs = Math.min(nextMs ?? Infinity, waiting.untilMs);
  }
  return { runningTasks, waitingTasks, nextMs };
}
