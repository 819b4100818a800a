/**
 * `gc`: gives space and inodes back. Without `--purge` it keeps everything a finished job may still be asked for: output, winners, batches,
 * logs. It removes what nobody can ask for again: attempts that lost, checkpoint segments, jobs whose submit died at once.
 */
import { rm } from 'node:fs/promises';
import { discardJob } from '../coordinator/create-job.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import { acquireLease, advanceLeaseName } from '../coordinator/lease.ts';
import { readSubmissions } from '../coordinator/submissions.ts';
import { readTasks } from '../coordinator/task-list.ts';
import { isSameBackend } from '../domain/backend-url.ts';
import { isJobId, type JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { finalKey, jobFileKey, jobPrefix, jobRequestKey, JOBS_PREFIX, taskAttemptsPrefix } from '../domain/keys.ts';
import type { JobRequest } from '../domain/manifest.ts';
import { isFinalJobState } from '../domain/states.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { GcDocument } from './documents.ts';
import { knownJobs } from './find-job.ts';
import { removeKept } from './kept-results.ts';
import { elementLogDir, type Drivers } from './job-backends.ts';
import { createDriversOf } from './job-drivers.ts';
import { schedulerOf } from './scheduler-of.ts';

export interface GcRequest {
  readonly dryRun: boolean;
  /** Only jobs that ended at least this long ago; orphans of dead submits likewise. */
  readonly olderThanMs: number;
  readonly job?: JobId;
  /** Remove such jobs entirely, output included. */
  readonly purge: boolean;
}

/** A job in the index without META is a submit that died, or one that began this moment. */
const DEAD_SUBMIT_MS = 3_600_000;

/** No write of one file takes longer than this. */
const HALF_WRITTEN_MS = 86_400_000;

type Removed = GcDocument['removed'][number];

/** @throws JOB_BAD_STATE when a named job is not final */
export async function collectGarbage(drivers: Drivers, request: GcRequest): Promise<GcDocument> {
  const removed: Removed[] = [];
  const driversOf = createDriversOf(drivers);
  for (const known of await knownJobs(drivers.state)) {
    if (request.job !== undefined && known.id !== request.job) continue;
    // The copy of a job that lives in a spool belongs to the spool.
    if (known.spool !== undefined) continue;
    const meta = await readMeta(drivers.state, known.id);
    if (request.job !== undefined && meta !== null && !isFinalJobState(meta.state))
      throw new AppError('JOB_BAD_STATE', {
        message: `job ${known.id} is ${meta.state}`,
        hint: `Stop it first: slurmctl cancel ${known.id}`,
      });
    if (!isOldEnough(drivers, request, meta, known.createdMs)) continue;
    const own = await driversOf(known);
    const entry =
      meta === null || request.purge
        ? await removeJob(own, request, known.id, meta)
        : await compactJob(own, request, known.id, meta);
    if (entry === null) continue;
    if (entry.objects > 0) removed.push(entry);
    if (meta === null || request.purge) removed.push(...(await removeKeptOf(own, request, known.id)));
  }
  if (request.job === undefined) {
    removed.push(...(await removeOrphans(drivers, request)));
    const stale = request.dryRun ? 0 : await drivers.removeHalfWritten(drivers.clock.nowMs() - HALF_WRITTEN_MS);
    if (stale > 0) removed.push({ what: 'what killed writers left half-written', objects: stale, bytes: 0 });
  }
  return { schema: 'slurmctl.gc/1', dryRun: request.dryRun, removed };
}

function isOldEnough(drivers: Drivers, request: GcRequest, meta: JobMeta | null, createdMs: number): boolean {
  if (meta !== null && !isFinalJobState(meta.state)) return false;
  const ageMs = drivers.clock.nowMs() - (meta?.finishedMs ?? createdMs);
  return ageMs >= (meta === null ? Math.max(request.olderThanMs, DEAD_SUBMIT_MS) : request.olderThanMs);
}

/**
 * Removes while nobody can open the job again: a retry holds this lease, and raises the generation. False: it was, or is being, opened again since
 * `seen`. @throws LEASE_HELD for a job that was named
 */
async function whileEnded(
  drivers: Drivers,
  request: GcRequest,
  { job, seen }: { readonly job: JobId; readonly seen: JobMeta },
  remove: () => Promise<void>,
): Promise<boolean> {
  let lease;
  try {
    lease = await acquireLease(drivers, { name: advanceLeaseName(job), waitMs: 0 });
  } catch (error) {
    if (!isAppError(error, 'LEASE_HELD') || request.job !== undefined) throw error;
    return false;
  }
  try {
    const meta = await readMeta(drivers.state, job);
    const ended = meta !== null && isFinalJobState(meta.state) && meta.generation === seen.generation;
    if (ended) await remove();
    return ended;
  } finally {
    await lease.release();
  }
}

/** Null: the job was opened again meanwhile. */
async function removeJob(
  drivers: Drivers,
  request: GcRequest,
  job: JobId,
  meta: JobMeta | null,
): Promise<Removed | null> {
  const sum = await sizeOf(drivers, jobPrefix(job));
  const remove = async (): Promise<void> => {
    await forgetSubmissions(drivers, job);
    await discardJob(drivers, job);
    await rm(elementLogDir(drivers.urls.home, job), { recursive: true, force: true });
  };
  if (!request.dryRun && meta === null) await remove();
  if (!request.dryRun && meta !== null && !(await whileEnded(drivers, request, { job, seen: meta }, remove)))
    return null;
  return { what: `job ${job}`, objects: Math.max(1, sum.objects), bytes: sum.bytes };
}

/** Finished work that was kept beside the store and never got there goes with its job, which is worth saying. */
async function removeKeptOf(drivers: Drivers, request: GcRequest, job: JobId): Promise<Removed[]> {
  const sum = await removeKept(drivers, job, request);
  return sum.objects === 0 ? [] : [{ what: `results of job ${job} that were kept in the home directory`, ...sum }];
}

/** Null: the job was opened again meanwhile. */
async function compactJob(drivers: Drivers, request: GcRequest, job: JobId, meta: JobMeta): Promise<Removed | null> {
  const prefixes = new Set<string>();
  let objects = 0;
  let bytes = 0;
  for await (const task of readTasks(drivers.state, job, meta.shards)) {
    if (task.win === undefined) continue;
    const prefix = taskAttemptsPrefix(job, task.id);
    for await (const object of drivers.store.list(prefix)) {
      const [attempt = '', part = ''] = object.key.slice(prefix.length).split('/');
      const isWinner = attempt === task.win.attempt;
      // Parts of its log are in the whole one.
      if (isWinner && part !== 'seg' && part !== 'log') continue;
      prefixes.add(isWinner ? `${prefix}${attempt}/${part}/` : `${prefix}${attempt}/`);
      objects += 1;
      bytes += object.bytes;
    }
  }
  const remove = async (): Promise<void> => {
    for (const prefix of prefixes) await drivers.store.deletePrefix(prefix);
  };
  if (!request.dryRun) await forgetSubmissions(drivers, job);
  const due = !request.dryRun && prefixes.size > 0;
  if (due && !(await whileEnded(drivers, request, { job, seen: meta }, remove))) return null;
  return { what: `lost attempts and checkpoints of job ${job}`, objects, bytes };
}

/** What the local scheduler keeps of a job that has ended. Slurm forgets by itself. */
async function forgetSubmissions(drivers: Drivers, job: JobId): Promise<void> {
  const handles = (await readSubmissions(drivers.state, job)).flatMap((row) => row.handle ?? []);
  if (handles.length > 0 && (await schedulerOf(drivers, job)) === 'local') await drivers.forgetLocal(handles);
}

/**
 * Objects under jobs/ that no job of this state table owns. What was published stays unless whole jobs are to go: its state may have been lost, with
 * a table that was made anew or restored as it was days ago, and the output is all that is left of the work.
 */
async function removeOrphans(drivers: Drivers, request: GcRequest): Promise<Removed[]> {
  const found = new Map<JobId, { objects: number; bytes: number }>();
  const published = new Set<JobId>();
  for await (const object of drivers.store.list(JOBS_PREFIX)) {
    const job = object.key.slice(JOBS_PREFIX.length).split('/', 1)[0] ?? '';
    if (!isJobId(job)) continue;
    if (object.key === finalKey(job)) published.add(job);
    const sum = found.get(job) ?? { objects: 0, bytes: 0 };
    found.set(job, { objects: sum.objects + 1, bytes: sum.bytes + object.bytes });
  }
  // The index is read after the objects: a job enters it before its first object is written.
  const owned = new Set<string>((await knownJobs(drivers.state)).map((job) => job.id));
  const orphans = [];
  for (const entry of found) {
    const kept = owned.has(entry[0]) || (published.has(entry[0]) && !request.purge);
    if (!kept && !(await isForeign(drivers, entry[0]))) orphans.push(entry);
  }
  for (const [job] of orphans) if (!request.dryRun) await drivers.store.deletePrefix(jobPrefix(job));
  return orphans.map(([job, sum]) => ({ what: `objects of ${job}, which no state belongs to`, ...sum }));
}

/** Several state tables may share a store: a job says in its request where its state lives. Without one, `job.yaml` alone is a job that begins. */
async function isForeign({ store, state }: Drivers, job: JobId): Promise<boolean> {
  const bytes = await store.get(jobRequestKey(job));
  if (bytes === null) return (await store.head(jobFileKey(job))) !== null;
  try {
    const request = JSON.parse(new TextDecoder().decode(bytes)) as Partial<JobRequest> | null;
    return !isSameBackend(request?.backends?.state ?? '', state.rootUrl);
  } catch {
    return true;
  }
}

async function sizeOf(drivers: Drivers, prefix: string): Promise<{ objects: number; bytes: number }> {
  let objects = 0;
  let bytes = 0;
  for await (const object of drivers.store.list(prefix)) {
    objects += 1;
    bytes += object.bytes;
  }
  return { objects, bytes };
}
