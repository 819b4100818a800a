/**
 * `retry`: opens chosen parts of a job again in its next generation, also of a job that has ended.
 *
 *   plan.json → index (live) → META (next generation, `redoing`) → [redo-open.ts] records and tasks → META (`ready`) → waves
 *
 * Before META nothing has happened; from META on, whoever advances the job brings the rest about. What the generations before have published stays
 * where it is until this one publishes. Failure codes: JOB_BAD_STATE, LEASE_*, BATCH_*, STORE_*, STATE_*.
 */
import { AppError, isAppError } from '../errors/app-error.ts';
import type { JobId } from '../domain/ids.ts';
import { isBeingStored, type JobIndexItem, type JobMeta } from '../domain/job-item.ts';
import { redoPlanKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type JobManifest } from '../domain/manifest.ts';
import type { RedoPlan, RedoTask } from '../domain/redo.ts';
import { jobIndexKey, metaKey } from '../domain/state-keys.ts';
import { canJobReopen, isFinalJobState } from '../domain/states.ts';
import type { TaskNeeds } from '../domain/task-item.ts';
import type { StateCondition, StateValue } from '../ports/state-table.ts';
import { advanceUnderLease, type AdvanceRequest, type AdvanceResult } from './advance.ts';
import { finishCancel } from './cancel.ts';
import { keepEvent, newEvent, nothingDoneSince } from './job-events.ts';
import { requireMeta, returnToIndex } from './job-meta.ts';
import { acquireLease, advanceLeaseName, type Lease } from './lease.ts';
import { readManifest } from './manifests.ts';
import type { CoordinatorDeps } from './needs.ts';
import { settleRedo } from './redo-open.ts';

/** What is run again, with everything it needs stored already (`RedoTask.base`). */
export interface RedoChoice {
  readonly tasks: readonly RedoTask[];
  /** Items of tasks that stay as they are. */
  readonly carriedItems: number;
  /** One line for people, kept as an event of the job. */
  readonly text: string;
}

interface RedoView {
  readonly meta: JobMeta;
  readonly manifest: JobManifest;
  /** Name of the plan, for whatever has to be stored under a key of its own. */
  readonly plan: string;
  readonly assertHeld: () => void;
}

export interface RedoRequest extends AdvanceRequest {
  /** Asked while the lease is held; null: nothing is to be run again. */
  readonly choose: (view: RedoView) => Promise<RedoChoice | null>;
  /** The job is open again; from here on another process could go on. */
  readonly onReopened?: (meta: JobMeta) => void;
}

/** Null `reopened`: there was nothing to run again. A job that had ended is then as it was, and a live one was advanced. */
export interface Redone {
  readonly reopened: JobMeta | null;
  readonly advanced: AdvanceResult | null;
}

/** @throws JOB_BAD_STATE for a job that never got as far as running, BATCH_REFUSED for resources that no element could have */
export async function redoJob(deps: CoordinatorDeps, request: RedoRequest): Promise<Redone> {
  const { job } = request;
  await requireMeta(deps.state, job);
  const lease = await acquireLease(deps, {
    name: advanceLeaseName(job),
    waitMs: request.waitLeaseMs,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  try {
    const meta = await atRest(deps, lease, job);
    const manifest = await readManifest(deps.store, job, meta);
    const plan = deps.ids.ulid();
    const choice = await request.choose({ meta, manifest, plan, assertHeld: () => lease.assertHeld() });
    if (choice === null || choice.tasks.length === 0) {
      // Whoever repeats a retry that was killed expects this one to go on with it.
      const live = !isFinalJobState(meta.state);
      return { reopened: null, advanced: live ? await advanceUnderLease(deps, lease, request) : null };
    }
    await requireRoom(deps, manifest, choice.tasks);
    lease.assertHeld();
    const reopened = await reopen(deps, lease, meta, { job, plan, choice });
    request.onReopened?.(reopened);
    // Whoever ended the job before may have taken it off the list between the first time and META.
    await returnToIndex(deps.state, job);
    return { reopened, advanced: await advanceUnderLease(deps, lease, request) };
  } finally {
    await lease.release();
  }
}

/** The job with everything finished that somebody left half done. @throws JOB_BAD_STATE when there is nothing to open again */
async function atRest(deps: CoordinatorDeps, lease: Lease, job: JobId): Promise<JobMeta> {
  const meta = await requireMeta(deps.state, job);
  requireReopenable(job, meta);
  const index = (await deps.state.get(jobIndexKey(job))) as JobIndexItem | null;
  if (meta.state === 'CANCELLED' && meta.stage === 'ready' && index?.live === true) await finishCancel(deps, job, meta);
  // What is finished and only waits to be committed is not run again; in the next generation it would be of no use.
  await deps.adoptSpilled({ job, shards: meta.shards });
  return settleRedo(deps, lease, job, meta);
}

/** @throws JOB_BAD_STATE for a job of which nothing can have run */
export function requireReopenable(job: JobId, meta: JobMeta): void {
  if (isBeingStored(meta) || !canJobReopen(meta.state))
    throw new AppError('JOB_BAD_STATE', {
      message: `job ${job} is ${meta.state} and was never stored in full, so there is nothing to retry`,
      hint: isFinalJobState(meta.state) ? 'Submit it again' : `Go on with: slurmctl advance ${job}`,
    });
  if (isFinalJobState(meta.state) && meta.state !== 'CANCELLED' && meta.submittedWave < 0)
    throw new AppError('JOB_BAD_STATE', {
      message: `job ${job} is ${meta.state}: none of it ever ran (${meta.reason ?? 'no reason is known'})`,
      hint: 'Put right what is named above and submit it again',
    });
}

/** Asks the batch system about every combination of resources, before anything is changed. */
async function requireRoom(deps: CoordinatorDeps, manifest: JobManifest, tasks: readonly RedoTask[]): Promise<void> {
  const { resources, slurm } = manifest.spec;
  const wanted = new Map(tasks.map(({ needs }) => [JSON.stringify(needs), needs]));
  for (const needs of wanted.values()) await limitsOf(deps, { resources, slurm }, needs);
}

/** @throws BATCH_REFUSED when no element with these resources could ever start */
export const limitsOf = (
  { batch }: Pick<CoordinatorDeps, 'batch'>,
  { resources, slurm }: Pick<JobManifest['spec'], 'resources' | 'slurm'>,
  needs: TaskNeeds | null,
): ReturnType<CoordinatorDeps['batch']['limits']> =>
  batch.limits({
    ...(slurm.partition === undefined ? {} : { partition: slurm.partition }),
    resources: { ...resources, ...needs },
  });

interface Opening {
  readonly job: JobId;
  readonly plan: string;
  readonly choice: RedoChoice;
}

/** The one write that makes the retry happen. */
async function reopen(deps: CoordinatorDeps, lease: Lease, meta: JobMeta, opening: Opening): Promise<JobMeta> {
  const { job, plan, choice } = opening;
  const generation = meta.generation + 1;
  const stored: RedoPlan = { schema: MANIFEST_SCHEMAS.redoPlan, job, generation, plan, tasks: choice.tasks };
  await deps.store.put(redoPlanKey(job, generation, plan), JSON.stringify(stored));
  // Live first: a job that is listed as live without need is taken off the list by the next pass, the other way round nobody would look at it.
  await returnToIndex(deps.state, job);
  await keepEvent(deps.state, job, meta);
  const lastEvent = newEvent(deps, 'retry', choice.text);
  lease.assertHeld();
  const ended = isFinalJobState(meta.state);
  const set: Partial<Record<keyof JobMeta, StateValue>> = {
    state: meta.state === 'PAUSED' ? 'PAUSED' : 'RUNNING',
    stage: 'redoing',
    generation,
    redoPlan: plan,
    fence: lease.fence,
    updatedMs: lastEvent.atMs,
    lastEvent: { ...lastEvent },
    ...(ended ? { reopenedMs: lastEvent.atMs, carriedItems: choice.carriedItems } : {}),
  };
  const when: StateCondition = {
    op: 'and',
    of: [
      { op: 'equals', path: 'state', value: meta.state },
      { op: 'equals', path: 'generation', value: meta.generation },
      { op: 'at-most', path: 'fence', value: lease.fence },
      nothingDoneSince(meta),
    ],
  };
  const remove: (keyof JobMeta)[] = ['finishedMs', 'reason', 'waitingFor'];
  if (meta.state !== 'PAUSED') remove.push('pausedFrom');
  return writeOnce(deps, { job, plan }, { set, remove }, when);
}

/** Of a write whose outcome stays unknown. */
const MOST_TRIES = 3;

async function writeOnce(
  { state }: CoordinatorDeps,
  { job, plan }: { readonly job: JobId; readonly plan: string },
  change: { readonly set: Partial<Record<keyof JobMeta, StateValue>>; readonly remove: readonly (keyof JobMeta)[] },
  when: StateCondition,
): Promise<JobMeta> {
  for (let tries = 1; ; tries += 1) {
    try {
      const result = await state.write(metaKey(job), change, when);
      const current = (result.applied ? result.item : result.current) as unknown as JobMeta | null;
      if (current?.redoPlan === plan) return current;
      throw new AppError('JOB_BAD_STATE', {
        message: `job ${job} changed while the retry was prepared (it is ${current?.state ?? 'gone'})`,
        hint: 'Nothing was started; look at the job with slurmctl status and run the same command again',
      });
    } catch (error) {
      // The same write again is refused once it was applied, and META then names this plan.
      if (!isAppError(error, 'STATE_UNCERTAIN') || tries === MOST_TRIES) throw error;
    }
  }
}
