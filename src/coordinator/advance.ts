/**
 * SPLIT + SUBMIT, and the reconcile pass that drives a job from there.
 *
 * What it does: looks at the truth (META, outbox, batch system, tasks), takes every step that is due, and ends. It is level-triggered:
 * it never depends on having seen an event; running it twice, at once, or killing it anywhere is harmless.
 * What it never does: run items, merge results (`needs.aggregate`), or decide retries (`needs.planner`).
 * States: those of `domain/states.ts`. Failure codes: LEASE_HELD, LEASE_LOST, JOB_NOT_FOUND, JOB_BAD_STATE, BATCH_*, RESULT_*, STORE_*, STATE_*.
 */
import { AppError, isAppError } from '../errors/app-error.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobIndexItem, JobMeta } from '../domain/job-item.ts';
import { jobIndexKey } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { finishCancel } from './cancel.ts';
import { continueCreation, failCreation } from './create-job.ts';
import { observe } from './element-states.ts';
import { ensureFinaliser } from './finaliser.ts';
import { finishJob, tidyUp } from './finish-job.ts';
import { moveJob, requireMeta, stamp, updateMeta } from './job-meta.ts';
import { acquireLease, advanceLeaseName, type Lease, type LeaseWatch } from './lease.ts';
import { readManifest } from './manifests.ts';
import type { CoordinatorDeps } from './needs.ts';
import { noteProgress } from './note-progress.ts';
import { passPaused } from './pass-paused.ts';
import { settleRedo } from './redo-open.ts';
import { reconcileTasks, type Reconciled } from './reconcile.ts';
import type { SendContext } from './send.ts';
import { continueWaves, LOOK_AGAIN_MS, sendOrFail } from './next-wave.ts';
import { throttleArrays } from './throttle-arrays.ts';
import { planFirstWave, type WaveResult } from './submit-wave.ts';
import { releaseHeld } from './settle-holds.ts';
import { readSubmissions } from './submissions.ts';
import { takeTurn } from './turns.ts';
import { stopWaiting, waitForTurn } from './wait-turn.ts';
import { closeRows, watchNodes } from './watch-nodes.ts';

export interface AdvanceRequest {
  readonly job: JobId;
  /** How long to wait for another process that advances the job. */
  readonly waitLeaseMs: number;
  /** For callers that come again instead of waiting: keeps what they saw of the holder. */
  readonly leaseWatch?: LeaseWatch;
  /** How long submit limits are waited out in this pass. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal;
  readonly onWait?: (note: string) => void;
}

export interface AdvanceResult {
  readonly meta: JobMeta;
  readonly steps: readonly string[];
  /** ms until something is due that no array element brings about; null when there is nothing such. */
  readonly nextDueMs: number | null;
}

/** One pass. @throws LEASE_HELD when somebody else is at it for longer than `waitLeaseMs` */
export async function advanceJob(deps: CoordinatorDeps, request: AdvanceRequest): Promise<AdvanceResult> {
  await requireKnown(deps, request.job);
  const lease = await acquireLease(deps, {
    name: advanceLeaseName(request.job),
    waitMs: request.waitLeaseMs,
    ...(request.leaseWatch === undefined ? {} : { watch: request.leaseWatch }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  try {
    await createOrFail(deps, lease, request);
    return await advanceUnderLease(deps, lease, request).catch((error: unknown) =>
      endedMeanwhile(deps, request.job, error),
    );
  } finally {
    await lease.release();
  }
}

/** The pass itself, for a caller that holds the lease already (submit). */
export async function advanceUnderLease(
  deps: CoordinatorDeps,
  lease: Lease,
  request: AdvanceRequest,
): Promise<AdvanceResult> {
  try {
    return await pass(deps, lease, request);
  } catch (error) {
    if (!isAppError(error, 'JOB_BAD_STATE')) throw error;
    const meta = await requireMeta(deps.state, request.job);
    if (meta.state !== 'PAUSED') throw error;
    return passPaused(deps, request.job, meta);
  }
}

async function pass(deps: CoordinatorDeps, lease: Lease, request: AdvanceRequest): Promise<AdvanceResult> {
  const created = await continueCreation(deps, lease, request);
  const adopted = await deps.adoptSpilled({ job: request.job, shards: created.shards });
  const passed = await passOver(deps, lease, { ...request, found: created });
  return { ...passed, steps: [...adopted, ...passed.steps] };
}

async function passOver(
  deps: CoordinatorDeps,
  lease: Lease,
  { found: created, ...request }: AdvanceRequest & { readonly found: JobMeta },
): Promise<AdvanceResult> {
  const meta = await settleRedo(deps, lease, request.job, created).catch((error: unknown) =>
    isAppError(error, 'MANIFEST_CORRUPT') ? explainAndThrow(deps, lease, request.job, error) : Promise.reject(error),
  );
  if (meta.state === 'PAUSED') return passPaused(deps, request.job, meta);
  if (isFinalJobState(meta.state)) return passEnded(deps, request.job, meta);
  const manifest = await readManifest(deps.store, request.job, meta).catch((error: unknown) =>
    explainAndThrow(deps, lease, request.job, error),
  );
  const context: SendContext = { deps, lease, manifest, ...request };
  return meta.state === 'AGGREGATING' ? finishOnly(context, meta) : drive(context, meta);
}

/** Somebody ended the job while a pass was at work: the pass says what is true of it, as one that came later would. */
async function endedMeanwhile(deps: CoordinatorDeps, job: JobId, error: unknown): Promise<AdvanceResult> {
  if (!isAppError(error, 'JOB_BAD_STATE')) throw error;
  const meta = await requireMeta(deps.state, job);
  if (!isFinalJobState(meta.state)) throw error;
  return passEnded(deps, job, meta);
}

/** A job that is over may still have something to tidy up after somebody who died. */
async function passEnded(deps: CoordinatorDeps, job: JobId, meta: JobMeta): Promise<AdvanceResult> {
  if (meta.state === 'CANCELLED' && (await isListedLive(deps, job))) await finishCancel(deps, job, meta);
  await tidyUp(deps, job, meta);
  return { meta, steps: [], nextDueMs: null };
}

/** A job that only has to be merged: its tasks are all final. */
async function finishOnly(context: SendContext, meta: JobMeta): Promise<AdvanceResult> {
  const { deps, job, manifest } = context;
  const reconciled = await reconcileTasks(deps, { job, manifest, meta, elements: new Map() });
  if (!allFinal(reconciled)) return drive(context, await moveJob(deps.state, job, 'RUNNING', stamp(context)));
  return finish(context, meta, reconciled);
}

/** A task that has to run again is sent by the same pass: nobody else may come by. */
async function finish(context: SendContext, meta: JobMeta, reconciled: Reconciled): Promise<AdvanceResult> {
  const finished = await finishJob(context, meta, reconciled).catch((error: unknown) => mergeLater(context, error));
  if ('nextDueMs' in finished) return finished;
  if (isFinalJobState(finished.meta.state)) return { ...finished, nextDueMs: null };
  const again = await drive(context, finished.meta);
  return { ...again, steps: [...finished.steps, ...again.steps] };
}

/** A merge whose store has used up a quota is begun anew when that goes on; nothing of it was published. */
async function mergeLater(context: SendContext, error: unknown): Promise<AdvanceResult> {
  const { deps, job } = context;
  if (!isAppError(error, 'LIMIT_SPENT') || typeof error.details['untilMs'] !== 'number') throw error;
  const dueInMs = Math.max(0, error.details['untilMs'] - deps.clock.nowMs());
  const rows = await readSubmissions(deps.state, job);
  const accepted = rows.filter((row) => row.state === 'SUBMITTED');
  const steps = await ensureFinaliser(context, rows, { accepted, arrays: [], dueInMs, urgentInMs: null });
  const meta = await requireMeta(deps.state, job);
  return { meta, steps: [`not merged yet: ${error.message}`, ...steps], nextDueMs: dueInMs };
}

async function drive(context: SendContext, found: JobMeta): Promise<AdvanceResult> {
  const { deps, job, manifest } = context;
  const { concurrency } = manifest.spec;
  if (concurrency !== undefined) {
    const turn = await takeTurn(deps, job, found, concurrency);
    if (!turn.isGranted) return waitForTurn(context, found, turn);
  }
  const sent = await sendOutstanding(context, found);
  const before = await readSubmissions(deps.state, job);
  const observed = await observe(deps, before);
  const released = await releaseHeld(deps, job, { meta: sent.meta, observed });
  const reconciled = await reconcileTasks(deps, {
    job,
    manifest,
    meta: sent.meta,
    elements: observed.elements,
    rows: before,
  });
  const nodes = await watchNodes(context, before, observed);
  const keptOpen = await closeRows(context, observed, reconciled.undecided);
  const throttled = await throttleArrays(context, { reconciled, observed, rows: before });
  const steps = [...sent.steps, ...released, ...reconciled.steps, ...nodes.steps, ...throttled.steps];
  const more = throttled.note === null ? [] : [throttled.note];
  const noted = await noteProgress(context, sent.meta, { reconciled, more });
  if (allFinal(reconciled) && noted.state === 'RUNNING') {
    const finished = await finish(context, noted, reconciled);
    return { ...finished, steps: [...steps, ...finished.steps] };
  }
  const aware: SendContext = { ...context, avoid: nodes.avoid, tries: reconciled.tries };
  const next = await continueWaves(aware, noted, { reconciled, observed, rows: before });
  const rows = await readSubmissions(deps.state, job);
  const accepted = rows.filter((row) => row.state === 'SUBMITTED');
  const ended = new Set(observed.over.map(({ id }) => id));
  const arrays = accepted.filter(({ kind, id }) => kind === 'array' && !observed.silent.has(id) && !ended.has(id));
  const waits = (next.waitingFor ?? sent.waitingFor) !== null || keptOpen > 0;
  // A pass that ends with nothing to come by (a write of unknown outcome, say) must not be the last one.
  const nothingComes = arrays.length === 0 ? LOOK_AGAIN_MS : null;
  const dueInMs =
    nextDue(deps, reconciled, { waits, waveInMs: soonest(next.waveInMs, throttled.againInMs) }) ?? nothingComes;
  const finaliser = await ensureFinaliser(aware, rows, {
    accepted,
    arrays,
    dueInMs,
    urgentInMs: next.urgentInMs,
  });
  if (concurrency !== undefined) await stopWaiting(context, rows);
  return { meta: next.meta, steps: [...steps, ...next.steps, ...finaliser], nextDueMs: dueInMs };
}

/** Rows that were planned but never answered, or the whole of wave 0 when it was never planned. */
async function sendOutstanding(context: SendContext, meta: JobMeta): Promise<WaveResult> {
  const { deps, job } = context;
  const rows = await readSubmissions(deps.state, job);
  const planned = rows.some((row) => row.kind === 'array') ? meta : await planFirstWave(context, meta);
  return sendOrFail(context, planned);
}

const soonest = (...dues: readonly (number | null)[]): number | null => {
  const known = dues.filter((due) => due !== null);
  return known.length === 0 ? null : Math.min(...known);
};

const allFinal = ({ tasks }: Reconciled): boolean => tasks.done + tasks.dead + tasks.cancelled === tasks.total;

function nextDue(
  deps: CoordinatorDeps,
  reconciled: Reconciled,
  next: { readonly waits: boolean; readonly waveInMs: number | null },
): number | null {
  const due: number[] = next.waveInMs === null ? [] : [next.waveInMs];
  if (reconciled.nextRetryMs !== null) due.push(Math.max(0, reconciled.nextRetryMs - deps.clock.nowMs()));
  if (reconciled.unclear > 0 || next.waits) due.push(LOOK_AGAIN_MS);
  return due.length === 0 ? null : Math.min(...due);
}

/** Input that turns out bad when nobody watches ends the job with its reason; the submitting process removes the job instead. */
async function createOrFail(deps: CoordinatorDeps, lease: Lease, request: AdvanceRequest): Promise<void> {
  try {
    await continueCreation(deps, lease, request);
  } catch (error) {
    if (isHopeless(error)) await failCreation(deps, lease, request.job, error.message);
    throw isAppError(error, 'MANIFEST_CORRUPT') ? await explainAndThrow(deps, lease, request.job, error) : error;
  }
}

/** Bad input; or META without a request, left over from a submit that took its job back while a write was still on its way. */
const isHopeless = (error: unknown): error is AppError =>
  isAppError(error) && (error.exitCode === 2 || error.code === 'JOB_NOT_FOUND');

/** What stops every pass until somebody puts it right is stored, so that `list` and `status` say it too. */
async function explainAndThrow(deps: CoordinatorDeps, lease: Lease, job: JobId, error: unknown): Promise<never> {
  if (isAppError(error))
    await updateMeta(deps.state, job, ['SUBMITTING', 'RUNNING', 'AGGREGATING'], {
      ...stamp({ deps, lease }),
      set: { waitingFor: `cannot go on: ${error.message}` },
    });
  throw error;
}

/** A job leaves the live ones last: until then, whoever was ending it may have died over it. */
const isListedLive = async ({ state }: CoordinatorDeps, job: JobId): Promise<boolean> =>
  ((await state.get(jobIndexKey(job))) as JobIndexItem | null)?.live === true;

/** Refuses unknown jobs before a lock item is made for them. */
async function requireKnown(deps: CoordinatorDeps, job: JobId): Promise<void> {
  if ((await deps.state.get(jobIndexKey(job))) === null)
    throw new AppError('JOB_NOT_FOUND', { message: `no job ${job}` });
}
