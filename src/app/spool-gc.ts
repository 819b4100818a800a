/**
 * `gc` with a spool. A job that is over and carried in full is handed over: its copy becomes the job, and the spool forgets it. Until then the
 * copy belongs to the spool and nobody else cleans it up.
 */
import { discardJob } from '../coordinator/create-job.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import { acquireLease, advanceLeaseName, type Lease } from '../coordinator/lease.ts';
import { carryKey } from '../domain/carry.ts';
import type { JobId } from '../domain/ids.ts';
import { jobPrefix } from '../domain/keys.ts';
import { jobIndexKey, lockKey, taskPartition } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import { shortBackendUrl } from '../domain/backend-url.ts';
import { carryLeaseName, carryUnderLease, isCarried, type SpoolSides } from './carry-spooled.ts';
import type { GcRequest } from './collect-garbage.ts';
import type { GcDocument } from './documents.ts';
import { isThere } from '../config/settings-files.ts';
import { knownJobs, type KnownJob } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { requireChangeable } from './spool-places.ts';

type Removed = GcDocument['removed'][number];

/** @throws as `collect`, and when a named job cannot be handed over */
export async function collectBothSides(
  sides: SpoolSides,
  request: GcRequest,
  collect: (drivers: Drivers, request: GcRequest) => Promise<GcDocument>,
): Promise<GcDocument> {
  const removed: Removed[] = [];
  const spooled = request.job !== undefined && (await sides.spool.state.get(jobIndexKey(request.job))) !== null;
  for (const { id, createdMs } of await knownJobs(sides.spool.state)) {
    if (request.job !== undefined && request.job !== id) continue;
    const meta = await readMeta(sides.spool.state, id);
    if (meta === null || !isFinalJobState(meta.state)) continue;
    if (sides.spool.clock.nowMs() - (meta.finishedMs ?? createdMs) < request.olderThanMs) continue;
    const entry = await unlessBusy(request, () => endSpooled(sides, id, request));
    if (entry !== null) removed.push(entry);
  }
  const near = await collect(sides.spool, request);
  const far = spooled ? [] : (await collect(await sides.far(), request)).removed;
  return { ...near, removed: [...removed, ...near.removed, ...far] };
}

/**
 * Removes a copy whose spool is lost, which nobody else would ever do. A directory that is not there at all may only not be mounted.
 * @throws JOB_SPOOLED unless this is the command's own spool, it exists, and the whole copy is to go
 */
export async function removeLostCopy(sides: SpoolSides, known: KnownJob, request: GcRequest): Promise<GcDocument> {
  const own = known.spool?.directory === sides.directory && (await isThere(sides.directory, 'directory'));
  if (!own || !request.purge) requireChangeable(known, own ? sides.directory : undefined);
  const far = await sides.far();
  const what = `copy of job ${known.id}, whose spool is lost`;
  const size = await sizeOf(far, known.id);
  if (!request.dryRun) await discardJob(far, known.id);
  return { schema: 'slurmctl.gc/1', dryRun: request.dryRun, removed: [{ what, ...size }] };
}

/** Of all jobs, those that cannot be handed over now are left for the next time. */
async function unlessBusy(request: GcRequest, end: () => Promise<Removed | null>): Promise<Removed | null> {
  try {
    return await end();
  } catch (error) {
    if (!isAppError(error) || request.job !== undefined) throw error;
    return null;
  }
}

/** Nobody carries while a side is taken away. @throws LEASE_HELD, and what hinders the last carry */
async function endSpooled(sides: SpoolSides, job: JobId, request: GcRequest): Promise<Removed | null> {
  if (request.dryRun) return request.purge ? null : await dryRun(sides, job);
  const lease = await acquireLease(sides.spool, { name: carryLeaseName(job), waitMs: 0 });
  let gone = false;
  try {
    if (request.purge) {
      // The copy first: as long as the spool knows the job, another gc finds what is left.
      await discardCopy(sides, job);
      return null;
    }
    const removed = await handOver(sides, job, lease);
    gone = removed !== null;
    return removed;
  } finally {
    await lease.release();
    // The name of a job is never used again, so its lock may go.
    if (gone) await sides.spool.state.deletePartition(lockKey(carryLeaseName(job)).partition);
  }
}

/** A copy that was only begun has no META to say how many shards there are. */
async function discardCopy(sides: SpoolSides, job: JobId): Promise<void> {
  const far = await sides.far();
  const shards = (await readMeta(sides.spool.state, job))?.shards ?? 1;
  for (let shard = 0; shard < shards; shard += 1) await far.state.deletePartition(taskPartition(job, shard));
  await discardJob(far, job);
}

async function handOver(sides: SpoolSides, job: JobId, lease: Lease): Promise<Removed | null> {
  const far = await sides.far();
  // Nobody opens the job again while it goes.
  const advancing = await acquireLease(sides.spool, { name: advanceLeaseName(job), waitMs: 0 });
  try {
    const carry = await carryUnderLease(sides, job, lease);
    if (carry === null || !carry.complete || carry.problem !== null) return null;
    lease.assertHeld();
    advancing.assertHeld();
    await far.state.write(jobIndexKey(job), { remove: ['spool'] }, { op: 'item-present' });
    await far.state.deleteItem(carryKey(job));
    const size = await sizeOf(sides.spool, job);
    await discardJob(sides.spool, job);
    return { what: whatWent(job, far), ...size };
  } finally {
    await advancing.release();
  }
}

/** Only what is known to be carried is promised. */
async function dryRun(sides: SpoolSides, job: JobId): Promise<Removed | null> {
  if (!(await isCarried(sides, job))) return null;
  return { what: whatWent(job, await sides.far()), ...(await sizeOf(sides.spool, job)) };
}

const whatWent = (job: JobId, far: Drivers): string =>
  `spooled files of job ${job}, all of which are in ${shortBackendUrl(far.urls.store)}`;

async function sizeOf({ store }: Drivers, job: JobId): Promise<{ objects: number; bytes: number }> {
  let objects = 0;
  let bytes = 0;
  for await (const object of store.list(jobPrefix(job))) {
    objects += 1;
    bytes += object.bytes;
  }
  return { objects, bytes };
}
