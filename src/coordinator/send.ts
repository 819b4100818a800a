/**
 * Hands outbox rows to the batch system: one at a time, waiting out submit limits and a busy controller, failing only on what the user has
 * to correct. Before every call the job's state is read, so that a `cancel` or a `pause` from elsewhere stops a submit that is waiting.
 */
import { AppError, isAppError } from '../errors/app-error.ts';
import { sizeFor } from '../domain/element-size.ts';
import type { JobId } from '../domain/ids.ts';
import { scriptKey } from '../domain/keys.ts';
import type { JobManifest, WorkerAssignment } from '../domain/manifest.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { BusyTries } from '../domain/task-item.ts';
import type { BatchHandle, SubmitRequest } from '../ports/batch-system.ts';
import { finaliserResources } from './finaliser-resources.ts';
import { readMeta } from './job-meta.ts';
import type { Lease } from './lease.ts';
import type { CoordinatorDeps } from './needs.ts';
import { chunkThrottle } from './plan-array.ts';
import { acceptedAs, moveSubmission, SETTLE_MS, type Submission } from './submissions.ts';

/** Before the time limit, workers are told this early, so that they can checkpoint; a quarter of a short limit. */
const WARN_BEFORE_END_SEC = 60;
const warnBeforeEndSec = (timeMs: number): number => Math.min(WARN_BEFORE_END_SEC, Math.floor(timeMs / 4_000));
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;
/** Pause between two submit calls: a controller hit by thousands of sbatch calls a minute serves nobody. */
export const PACE_MS = 200;

export interface SendContext {
  readonly deps: CoordinatorDeps;
  readonly job: JobId;
  readonly manifest: JobManifest;
  readonly lease: Lease;
  /** How long submit limits are waited out before the rest is left to a later `advance`. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal;
  readonly onWait?: (note: string) => void;
  /** Nodes that new submissions exclude. */
  readonly avoid?: readonly string[];
  /** What tries of the job took so far. */
  readonly tries?: BusyTries;
}

export interface SendResult {
  readonly row: Submission;
  /** Why the row is still INTENT: a sentence about what the batch system waits for. Null when it was answered. */
  readonly waitingFor: string | null;
}

/** What only finalisers have. */
export interface FinaliserOptions {
  readonly after?: readonly BatchHandle[];
  readonly beginAfterSec?: number;
  /** Longest time limit of the partition; null when unlimited or unknown. */
  readonly maxTimeMs?: number | null;
}

/** The request behind an outbox row. */
export async function submitRequest(
  context: Pick<SendContext, 'deps' | 'job' | 'manifest'>,
  row: Submission,
  options: FinaliserOptions = {},
): Promise<SubmitRequest> {
  const { deps, job, manifest } = context;
  const { spec, backends } = manifest;
  const array = row.kind === 'array';
  const size = sizeFor(spec.resources, row);
  const resources = array
    ? { ...spec.resources, ...size }
    : finaliserResources(spec.resources, options.maxTimeMs ?? null);
  const throttle = array ? chunkThrottle(row, row.waveElements, spec.slurm.throttle) : undefined;
  const worker = deps.workerCommand({ job, ...placeOf(row), size }, backends);
  return {
    name: row.jobName,
    ...(array
      ? { command: worker, afterCrash: [...worker, '--report-end'] }
      : { command: deps.advanceCommand(job, backends) }),
    environment: {},
    cwd: spec.baseDir,
    logDir: await deps.elementLogDir(job, backends, row.kind),
    ...(array ? { array: { count: row.elements, ...(throttle === undefined ? {} : { throttle }) } } : {}),
    resources,
    slurm: array ? spec.slurm : { ...spec.slurm, extra: [] },
    warnBeforeEndSec: warnBeforeEndSec(resources.timeMs),
    requeue: true,
    ...(options.after === undefined ? {} : { after: options.after }),
    ...(options.beginAfterSec === undefined ? {} : { beginAfterSec: options.beginAfterSec }),
    ...(row.exclude === undefined || row.exclude.length === 0 ? {} : { exclude: row.exclude }),
  };
}

/** What a new outbox row says of the nodes that are to be avoided. */
export const avoiding = ({ avoid }: Pick<SendContext, 'avoid'>): { readonly exclude?: readonly string[] } =>
  avoid === undefined || avoid.length === 0 ? {} : { exclude: avoid };

const placeOf = ({ id, wave, offset, waveElements, group }: Submission): Omit<WorkerAssignment, 'job'> => ({
  submission: id,
  wave,
  offset,
  waveElements,
  ...(group === undefined ? {} : { group }),
});

/**
 * Sends one INTENT row, waiting out limits for as long as there is patience. Returns the row as it is afterwards.
 * @throws BATCH_REFUSED (the row is REJECTED), BATCH_UNREACHABLE, LEASE_LOST, JOB_BAD_STATE
 */
export async function sendRow(
  context: SendContext,
  row: Submission,
  options: FinaliserOptions = {},
): Promise<SendResult> {
  const { deps } = context;
  const request = await submitRequest(context, row, options);
  let current = row;
  const deadlineMs = deps.clock.monotonicMs() + context.patienceMs;
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    try {
      return { row: await sendOnce(context, current, request), waitingFor: null };
    } catch (error) {
      const mayRepeat = isAppError(error, 'BATCH_LIMIT') || isAppError(error, 'BATCH_UNCERTAIN');
      if (!mayRepeat) throw error;
      // It may have arrived all the same, so that the next try looks for it first.
      current = { ...row, sentMs: deps.clock.nowMs() };
      const leftMs = deadlineMs - deps.clock.monotonicMs();
      if (leftMs <= 0) return { row, waitingFor: error.message };
      context.onWait?.(error.message);
      await deps.clock.sleep(Math.min(waitMs, leftMs), context.signal);
    }
  }
}

async function sendOnce(context: SendContext, row: Submission, request: SubmitRequest): Promise<Submission> {
  const { deps, job, lease } = context;
  await assertLive(context);
  lease.assertHeld();
  const earlier = row.sentMs === undefined ? null : await findEarlier(context, row);
  if (earlier !== null) return record(context, row, earlier);
  await deps.store.put(scriptKey(job, row.id), deps.batch.render(request).script);
  const sentMs = deps.clock.nowMs();
  // A row that was planned earlier, for another time, begins at the time that it is sent with.
  const begin = request.beginAfterSec === undefined ? {} : { beginMs: sentMs + request.beginAfterSec * 1_000 };
  await moveSubmission(deps.state, job, row, { from: 'INTENT', set: { sentMs, ...begin } });
  return record(context, row, await submitOrFind(context, row, request));
}

/**
 * Writes down what was accepted. Where that comes too late, because the job was cancelled or somebody else sent the row meanwhile, nobody would
 * ever know of this submission: it is cancelled at once.
 */
async function record(context: SendContext, row: Submission, handle: BatchHandle): Promise<Submission> {
  const { deps, job } = context;
  const set = acceptedAs(handle, deps.clock.nowMs());
  const moved = await moveSubmission(deps.state, job, row, { from: 'INTENT', set });
  const meta = await readMeta(deps.state, job);
  const live = meta !== null && !isFinalJobState(meta.state);
  if (!live || moved.handle !== handle.id) await deps.batch.cancel(handle);
  // Whoever paused the job may have looked before this was written down.
  else if (meta.state === 'PAUSED' && row.kind === 'array') await deps.batch.hold(handle);
  await assertLive(context);
  return moved;
}

async function submitOrFind(context: SendContext, row: Submission, request: SubmitRequest): Promise<BatchHandle> {
  const { deps, job } = context;
  try {
    return await deps.batch.submit(request);
  } catch (error) {
    if (isAppError(error, 'BATCH_REFUSED') && request.exclude !== undefined) {
      // A bad node is better than none; what is refused for another reason is refused again.
      const { exclude: _, ...anywhere } = request;
      await moveSubmission(deps.state, job, row, { from: 'INTENT', set: { exclude: [] } });
      return submitOrFind(context, row, anywhere);
    }
    if (isAppError(error, 'BATCH_REFUSED'))
      await moveSubmission(deps.state, job, row, { from: 'INTENT', set: { state: 'REJECTED', reason: error.message } });
    if (!isAppError(error, 'BATCH_UNCERTAIN')) throw error;
    await deps.clock.sleep(SETTLE_MS, context.signal);
    const found = (await deps.batch.find([row.jobName])).get(row.jobName);
    if (found === undefined) throw error;
    return found;
  }
}

/** Where a row was sent by somebody who then died: the submission, or null when it certainly never arrived. */
async function findEarlier(context: SendContext, row: Submission): Promise<BatchHandle | null> {
  const { deps } = context;
  const ageMs = deps.clock.nowMs() - (row.sentMs as number);
  if (ageMs < SETTLE_MS) {
    const early = (await deps.batch.find([row.jobName])).get(row.jobName);
    if (early !== undefined) return early;
    await deps.clock.sleep(SETTLE_MS - Math.max(0, ageMs), context.signal);
  }
  return (await deps.batch.find([row.jobName])).get(row.jobName) ?? null;
}

async function assertLive(context: SendContext): Promise<void> {
  const meta = await readMeta(context.deps.state, context.job);
  if (meta !== null && !isFinalJobState(meta.state) && meta.state !== 'PAUSED') return;
  throw new AppError('JOB_BAD_STATE', {
    message: `job ${context.job} is ${meta?.state ?? 'gone'}; nothing more is submitted`,
  });
}
