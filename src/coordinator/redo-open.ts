/**
 * The second half of a `retry`: META says already that the job is in its next generation and which plan opened it; here the plan's tasks are opened.
 * Every step writes what the plan says and nothing else, so that a process which finds a retry in the middle simply does it again.
 */
import { AppError, isAppError } from '../errors/app-error.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { redoKey, redoPlanKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS } from '../domain/manifest.ts';
import type { RedoPlan, RedoRecord, RedoTask } from '../domain/redo.ts';
import { taskKey, type StateKey } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { StateChange, StateCondition } from '../ports/state-table.ts';
import { finishCancel } from './cancel.ts';
import { keepEvent } from './job-events.ts';
import { stamp, updateMeta } from './job-meta.ts';
import type { Lease } from './lease.ts';
import type { CoordinatorDeps } from './needs.ts';

/** Tasks opened at once. */
const IN_FLIGHT = 16;
/** Of a write whose outcome stays unknown. */
const MOST_TRIES = 3;

/**
 * Brings a retry that was begun to its end; a job without one is returned as it is. What a cancel overtook is cancelled too.
 * @throws MANIFEST_CORRUPT, LEASE_LOST, JOB_BAD_STATE when the job was ended meanwhile, STORE_*, STATE_*
 */
export async function settleRedo(deps: CoordinatorDeps, lease: Lease, job: JobId, meta: JobMeta): Promise<JobMeta> {
  if (meta.stage !== 'redoing') return meta;
  const ready = { ...stamp({ deps, lease }), set: { stage: 'ready' } } as const;
  if (meta.state === 'CANCELLED') {
    await closePlan(deps, lease, job, meta);
    await finishCancel(deps, job, meta);
    return updateMeta(deps.state, job, ['CANCELLED'], ready);
  }
  const plan = await readPlan(deps, job, meta);
  await keepEvent(deps.state, job, meta);
  await forEachTask(lease, plan, (task) => openTask(deps, job, meta, task));
  try {
    return await updateMeta(deps.state, job, ['RUNNING', 'PAUSED'], ready);
  } catch (error) {
    // A task that was opened after the cancel had gone over the tasks would stay claimable for ever.
    if (isAppError(error, 'JOB_BAD_STATE') && error.details['state'] === 'CANCELLED')
      await finishCancel(deps, job, { ...meta, state: 'CANCELLED' });
    throw error;
  }
}

async function forEachTask(lease: Lease, { tasks }: RedoPlan, act: (task: RedoTask) => Promise<void>): Promise<void> {
  for (let at = 0; at < tasks.length; at += IN_FLIGHT) {
    lease.assertHeld();
    const done = await Promise.allSettled(tasks.slice(at, at + IN_FLIGHT).map(act));
    const failed = done.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
  lease.assertHeld();
}

/**
 * A `retry` that was asleep while its job was cancelled may still send the opening of a task, and the cancel has been over the tasks by then. Marked
 * with the plan, those it did not get to refuse it. Where the plan cannot be read, nothing more is known of its tasks.
 */
async function closePlan(deps: CoordinatorDeps, lease: Lease, job: JobId, meta: JobMeta): Promise<void> {
  let plan: RedoPlan;
  try {
    plan = await readPlan(deps, job, meta);
  } catch (error) {
    if (!isAppError(error, 'MANIFEST_CORRUPT')) throw error;
    deps.log.warn('the plan of a cancelled retry cannot be read', { job, error: error.message });
    return;
  }
  await forEachTask(lease, plan, (redo) =>
    writeOnTask(deps, taskKey(job, redo.task, meta.shards), { set: { redoClosed: plan.plan } }, asChosen(redo)),
  );
}

async function readPlan({ store }: CoordinatorDeps, job: JobId, meta: JobMeta): Promise<RedoPlan> {
  const key = redoPlanKey(job, meta.generation, meta.redoPlan ?? '');
  const bytes = await store.get(key);
  const lies = (what: string): AppError =>
    new AppError('MANIFEST_CORRUPT', {
      message: `${store.url(key)} ${what}`,
      hint: `Restore the file named above; or end the job with slurmctl cancel ${job} and retry it again`,
      details: { key },
    });
  if (bytes === null) throw lies('is missing');
  let plan: RedoPlan;
  try {
    plan = JSON.parse(new TextDecoder().decode(bytes)) as RedoPlan;
  } catch {
    throw lies('is not JSON');
  }
  if (plan?.schema !== MANIFEST_SCHEMAS.redoPlan || plan.plan !== meta.redoPlan || !Array.isArray(plan.tasks))
    throw lies('is not the plan of the retry that was begun');
  return plan;
}

/** The record first: whoever claims the task reads it. A task that is no longer as it was chosen is left alone. */
export async function openTask(
  deps: Pick<CoordinatorDeps, 'store' | 'state'>,
  job: JobId,
  { shards, generation: retry, redoPlan }: Pick<JobMeta, 'shards' | 'generation' | 'redoPlan'>,
  redo: RedoTask,
): Promise<void> {
  const { task, items, base, seen } = redo;
  const generation = redo.seen.generation + 1;
  const record: RedoRecord = {
    schema: MANIFEST_SCHEMAS.redo,
    job,
    task,
    generation,
    items,
    base,
    opened: { seen, retry },
  };
  await deps.store.put(redoKey(job, generation, task), JSON.stringify(record));
  await writeOnTask(deps, taskKey(job, task, shards), openingOf(redo), {
    op: 'and',
    of: [asChosen(redo), { op: 'not', of: { op: 'equals', path: 'redoClosed', value: redoPlan ?? '' } }],
  });
}

async function writeOnTask(
  { state }: Pick<CoordinatorDeps, 'state'>,
  key: StateKey,
  change: StateChange,
  when: StateCondition,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await state.write(key, change, when);
      return;
    } catch (error) {
      // The same write again is refused once it was applied.
      if (!isAppError(error, 'STATE_UNCERTAIN') || tries === MOST_TRIES) throw error;
    }
  }
}

/** What belonged to the generation before and says nothing of this one. */
const LEFT_BEHIND: readonly (keyof TaskItem)[] = [
  'win',
  'checkpoint',
  'owner',
  'node',
  'heartbeatMs',
  'progress',
  'progressFailed',
  'cause',
  'causeDetail',
  'notBeforeMs',
  'startedMs',
  'exitCode',
  'signal',
  'inFlight',
  'trying',
  'strikes',
  'strikesOf',
  'quarantined',
  'escalations',
  'fingerprint',
  'idleAttempts',
  'leavesNone',
  'corruptions',
  'redoClosed',
];

/** The task has not changed since it was chosen; pure. */
const asChosen = ({ seen }: RedoTask): StateCondition => ({
  op: 'and',
  of: [
    { op: 'equals', path: 'state', value: seen.state },
    { op: 'equals', path: 'generation', value: seen.generation },
    { op: 'equals', path: 'attempts', value: seen.attempts },
    seen.winner === undefined
      ? { op: 'absent', path: 'win' }
      : { op: 'equals', path: 'win.attempt', value: seen.winner },
  ],
});

/** DONE, DEAD or CANCELLED → PENDING in the next generation; pure. */
function openingOf({ seen, carried, needs, suspects }: RedoTask): StateChange {
  const set = {
    state: 'PENDING',
    generation: seen.generation + 1,
    charged: 0,
    attemptsBefore: seen.attempts,
    redo: true,
    // What an attempt takes over is no progress of its own.
    checkpointSeen: carried,
    ...(needs === null ? {} : { needs: { ...needs } }),
    ...(suspects === undefined ? {} : { suspects }),
  };
  const gone = [...(needs === null ? ['needs'] : []), ...(suspects === undefined ? ['suspects'] : [])];
  return { set, remove: [...LEFT_BEHIND, ...gone] };
}
