/**
 * The first half of a submit: from a job file's content to stored tasks. META is written before the input is read, with a `stage` that
 * says how far it came; splitting is deterministic, so a process that finds a job in the middle simply does the stage again.
 *
 *   JOBS index → request.json → META(splitting) → batches + task manifests + manifest.json → META(storing-tasks) → task items → META(ready)
 */
import { AppError, isAppError } from '../errors/app-error.ts';
import { asJobId, slugOf, taskIdOf, type JobId } from '../domain/ids.ts';
import { askedOf, type JobIndexItem, type JobMeta } from '../domain/job-item.ts';
import { jobFileKey, jobManifestKey, jobPrefix, jobRequestKey, taskManifestKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type JobManifest, type JobRequest, type TaskManifest } from '../domain/manifest.ts';
import {
  jobIndexKey,
  jobPartition,
  lockKey,
  metaKey,
  shardCount,
  taskKey,
  taskPartition,
} from '../domain/state-keys.ts';
import type { JobState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { NewItem, StateItem } from '../ports/state-table.ts';
import { moveJob, readMeta, requireMeta, stamp, updateMeta } from './job-meta.ts';
import { advanceLeaseName, type Lease } from './lease.ts';
import { readRequest, specHashOf } from './manifests.ts';
import type { CoordinatorDeps, NewJob } from './needs.ts';
import { splitInput, type SplitResult } from './split/split-input.ts';

export interface CreationOptions {
  readonly signal?: AbortSignal;
  readonly onItems?: (items: number, bytes: number) => void;
}

export const newJobId = (deps: Pick<CoordinatorDeps, 'ids'>, name: string): JobId =>
  asJobId(`${slugOf(name)}-${deps.ids.token(8)}`);

/** Stores what was asked for and makes the job visible. */
export async function recordRequest(
  deps: CoordinatorDeps,
  job: JobId,
  wanted: NewJob,
  fence: number,
): Promise<JobMeta> {
  const createdMs = deps.clock.nowMs();
  const request: JobRequest = {
    schema: MANIFEST_SCHEMAS.request,
    job,
    createdMs,
    spec: wanted.spec,
    backends: wanted.backends,
    specHash: specHashOf(wanted.spec, wanted.backends),
    handlerSha256: wanted.handlerSha256,
    version: deps.version,
  };
  // The index comes first: objects of a job that is not in it belong to nobody, and `gc` may remove them.
  const { home, store, queue } = wanted.backends;
  const entry: JobIndexItem = {
    name: wanted.spec.name,
    createdMs,
    live: true,
    backends: { home, store, queue },
    user: deps.host.user,
  };
  await deps.state.createMany([{ key: jobIndexKey(job), item: entry as unknown as StateItem }]);
  await deps.store.put(jobFileKey(job), wanted.jobText);
  await deps.store.put(jobRequestKey(job), JSON.stringify(request));
  return storeMeta(deps, request, fence);
}

/** What META says before anything is known of the input. */
const UNSPLIT = {
  stage: 'splitting',
  generation: 0,
  tasks: 0,
  items: 0,
  shards: 1,
  wave: -1,
  submittedWave: -1,
} as const;

async function storeMeta(deps: CoordinatorDeps, request: JobRequest, fence: number): Promise<JobMeta> {
  const meta: JobMeta = {
    ...UNSPLIT,
    state: 'SUBMITTING',
    name: request.spec.name,
    createdMs: request.createdMs,
    updatedMs: deps.clock.nowMs(),
    specHash: request.specHash,
    scheduler: request.backends.scheduler,
    asked: askedOf(request.spec),
    ...(request.spec.concurrency === undefined ? {} : { group: request.spec.concurrency.group }),
    ...(request.spec.alerts === undefined && request.spec.on === undefined ? {} : { tells: true }),
    fence,
  };
  await deps.state.createMany([{ key: metaKey(request.job), item: meta as unknown as StateItem }]);
  return requireMeta(deps.state, request.job);
}

/** The META of a job that is being taken back before it ever had one. */
async function createMarked(
  deps: CoordinatorDeps,
  lease: Lease,
  { job, reason, wanted }: { readonly job: JobId; readonly reason: string; readonly wanted: NewJob },
): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const marked: JobMeta = {
    ...UNSPLIT,
    state: 'FAILED',
    reason,
    name: wanted.spec.name,
    createdMs: nowMs,
    updatedMs: nowMs,
    finishedMs: nowMs,
    specHash: specHashOf(wanted.spec, wanted.backends),
    scheduler: wanted.backends.scheduler,
    fence: lease.fence,
  };
  await deps.state.createMany([{ key: metaKey(job), item: marked as unknown as StateItem }]);
}

/** A submit that is paused finishes what it is storing: nothing runs because of that. */
const CREATING: readonly JobState[] = ['SUBMITTING', 'PAUSED'];

/** Takes the creation of a job up where it stands and brings it to `ready`; a job beyond that is returned as it is. */
export async function continueCreation(
  deps: CoordinatorDeps,
  lease: Lease,
  request: { readonly job: JobId } & CreationOptions,
): Promise<JobMeta> {
  let meta = await metaOf(deps, lease, request.job);
  if (meta.state !== 'SUBMITTING' || meta.stage === 'ready') return meta;
  let itemsOfTasks: readonly number[] | null = null;
  if (meta.stage === 'splitting') {
    const split = await splitOrFail(deps, lease, request);
    itemsOfTasks = split.itemsOfTasks;
    meta = await storeManifest(deps, lease, request.job, split);
  }
  await deps.state.createMany(newTasks(deps, request.job, meta, itemsOfTasks));
  lease.assertHeld();
  return updateMeta(deps.state, request.job, CREATING, { ...stamp({ deps, lease }), set: { stage: 'ready' } });
}

/** META, rebuilt from the request when the submit died between the two. */
async function metaOf(deps: CoordinatorDeps, lease: Lease, job: JobId): Promise<JobMeta> {
  const meta = await readMeta(deps.state, job);
  if (meta !== null) return meta;
  const request = await readRequest(deps.store, job);
  if (request === null) throw new AppError('JOB_NOT_FOUND', { message: `no job ${job}` });
  return storeMeta(deps, request, lease.fence);
}

/** Input that turns out bad when nobody watches ends the job with the reason; the submitting process removes it instead. */
async function splitOrFail(
  deps: CoordinatorDeps,
  lease: Lease,
  options: { readonly job: JobId } & CreationOptions,
): Promise<SplitResult> {
  const request = await readRequest(deps.store, options.job);
  if (request === null) throw new AppError('JOB_NOT_FOUND', { message: `no job ${options.job}` });
  return splitInput(deps, {
    job: options.job,
    spec: request.spec,
    onProgress: (progress) => {
      lease.assertHeld();
      options.onItems?.(progress.items, progress.bytes);
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

async function storeManifest(deps: CoordinatorDeps, lease: Lease, job: JobId, split: SplitResult): Promise<JobMeta> {
  const request = (await readRequest(deps.store, job)) as JobRequest;
  const shards = shardCount(split.counts.tasks);
  const manifest: JobManifest = {
    ...request,
    schema: MANIFEST_SCHEMAS.job,
    inputDigest: split.inputDigest,
    counts: split.counts,
    shards,
  };
  await deps.store.put(jobManifestKey(job), JSON.stringify(manifest));
  return updateMeta(deps.state, job, CREATING, {
    ...stamp({ deps, lease }),
    set: { stage: 'storing-tasks', tasks: split.counts.tasks, items: split.counts.items, shards },
  });
}

/** Task items in order; item counts come from the split, or from the task manifests when another process split. */
async function* newTasks(
  deps: CoordinatorDeps,
  job: JobId,
  meta: JobMeta,
  itemsOfTasks: readonly number[] | null,
): AsyncGenerator<NewItem> {
  for (let number = 0; number < meta.tasks; number += 1) {
    const task = taskIdOf(number);
    const items = itemsOfTasks?.[number] ?? (await itemsFromManifest(deps, job, task));
    const item: TaskItem = { state: 'PENDING', generation: meta.generation, wave: 0, items, attempts: 0, charged: 0 };
    yield { key: taskKey(job, task, meta.shards), item: item as unknown as StateItem };
  }
}

async function itemsFromManifest(
  deps: CoordinatorDeps,
  job: JobId,
  task: ReturnType<typeof taskIdOf>,
): Promise<number> {
  const bytes = await deps.store.get(taskManifestKey(job, task));
  if (bytes === null)
    throw new AppError('STORE_NOT_FOUND', { message: `${deps.store.url(taskManifestKey(job, task))} is missing` });
  return (JSON.parse(new TextDecoder().decode(bytes)) as TaskManifest).items;
}

/**
 * Removes every trace of a job of which nothing was ever submitted, or that nobody wants any more. Its lock goes too, and last: the name of a
 * job is never used again, so there is no later holder whom an earlier fence could fool.
 */
export async function discardJob(deps: Pick<CoordinatorDeps, 'state' | 'store'>, job: JobId): Promise<void> {
  const meta = await readMeta(deps.state, job);
  for (let shard = 0; shard < (meta?.shards ?? 1); shard += 1)
    await deps.state.deletePartition(taskPartition(job, shard));
  // META outlives the request: a request without META is a job that somebody would create anew.
  await deps.store.deletePrefix(jobPrefix(job));
  await deps.state.deletePartition(jobPartition(job));
  await deps.state.deleteItem(jobIndexKey(job));
  await deps.state.deletePartition(lockKey(advanceLeaseName(job)).partition);
}

/**
 * Removes a job whose submit failed, unless it is no longer this process's: while a submit slept, another may have taken the job over or
 * cancelled it. META is marked first, under a condition, so that nobody takes it over in between. Returns whether the job was removed.
 */
export async function discardOwn(
  deps: CoordinatorDeps,
  lease: Lease,
  own: { readonly job: JobId; readonly reason: string; readonly wanted: NewJob },
): Promise<boolean> {
  const { job, reason } = own;
  try {
    lease.assertHeld();
    const mark = { ...stamp({ deps, lease }), set: { state: 'FAILED', reason } } as const;
    // Also where there is no META yet: whoever finds none makes one and runs the job, while this process may be asleep.
    if ((await readMeta(deps.state, job)) === null) await createMarked(deps, lease, own);
    await updateMeta(deps.state, job, ['SUBMITTING', 'FAILED'], mark);
  } catch (error) {
    if (!isAppError(error)) throw error;
    if (error.code === 'LEASE_LOST' || error.code === 'JOB_BAD_STATE') return false;
    // A full disk takes no mark, and removing is what helps. After any other failure somebody may take the job over meanwhile.
    if (!isFull(error)) throw error;
  }
  await discardJob(deps, job);
  return true;
}

/** No space is left, which only removing something helps. */
export const isFull = (error: unknown): boolean => isAppError(error, 'STORE_FULL') || isAppError(error, 'STATE_FULL');

/** Ends a job whose creation cannot succeed, e.g. because its input is bad. */
export const failCreation = (deps: CoordinatorDeps, lease: Lease, job: JobId, reason: string): Promise<JobMeta> =>
  moveJob(deps.state, job, 'FAILED', { ...stamp({ deps, lease }), set: { reason, finishedMs: deps.clock.nowMs() } });
