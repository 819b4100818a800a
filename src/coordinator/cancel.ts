/**
 * Stops a job at any moment. It needs no lease: META → CANCELLED is one conditional write, and everybody who submits or claims looks at
 * META first. What is committed stays committed; `aggregate` can still publish it.
 */
import type { JobId } from '../domain/ids.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { metaKey, taskKey } from '../domain/state-keys.ts';
import { isFinalJobState, isFinalTaskState, jobStatesBefore } from '../domain/states.ts';
import { endSubmissions } from './end-submissions.ts';
import { dropHints } from './hints.ts';
import { keepEvent, newEvent, nothingDoneSince, oneLine, type LastEvent } from './job-events.ts';
import { requireMeta, retireFromIndex } from './job-meta.ts';
import type { CoordinatorDeps } from './needs.ts';
import { letGo } from './settle-holds.ts';
import { readTasks } from './task-list.ts';
import { leaveTurn } from './turns.ts';

export interface Cancelled {
  readonly meta: JobMeta;
  readonly submissions: number;
  readonly tasks: number;
  /** Of these, tasks that an element was working on: it has been told to end and may take a moment. */
  readonly running: number;
}

/** @throws JOB_NOT_FOUND, JOB_BAD_STATE when the job has ended by itself; cancelling a cancelled job goes over it again */
export async function cancelJob(deps: CoordinatorDeps, job: JobId, reason: string): Promise<Cancelled> {
  return finishCancel(deps, job, await markCancelled(deps, job, reason));
}

/** What a cancel does once META says so; also for a cancel that died half-way. */
export async function finishCancel(deps: CoordinatorDeps, job: JobId, meta: JobMeta): Promise<Cancelled> {
  await keepEvent(deps.state, job, meta);
  await letGo(deps, job, meta);
  const submissions = await endSubmissions(deps, job, 'the job was cancelled');
  const tasks = await cancelTasks(deps, job, meta);
  await leaveTurn(deps, job, meta);
  await dropHints(deps, job);
  await retireFromIndex(deps.state, job);
  return { meta, submissions, ...tasks };
}

/** Of a write that somebody else was faster with, or whose answer was lost. */
const MOST_TRIES = 10;

async function markCancelled(deps: CoordinatorDeps, job: JobId, reason: string): Promise<JobMeta> {
  const event = newEvent(deps, 'cancel', `cancelled: ${reason}`);
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const meta = await requireMeta(deps.state, job);
    if (meta.state === 'CANCELLED') return meta;
    if (isFinalJobState(meta.state))
      throw new AppError('JOB_BAD_STATE', {
        message: `job ${job} has ended already (${meta.state})`,
        hint: `Look at it with: slurmctl status ${job}`,
      });
    // A pause or resume before this one may have died before it wrote its event down, and META is about to forget it.
    await keepEvent(deps.state, job, meta);
    const cancelled = await tryCancel(deps, job, { seen: meta, reason, event });
    if (cancelled !== null) return cancelled;
  }
  throw new AppError('STATE_UNCERTAIN', { message: `job ${job} could not be cancelled in ${MOST_TRIES} tries` });
}

/** Null when META is not as it was seen any more, or nobody knows. */
async function tryCancel(
  deps: CoordinatorDeps,
  job: JobId,
  { seen, reason, event }: { readonly seen: JobMeta; readonly reason: string; readonly event: LastEvent },
): Promise<JobMeta | null> {
  const { atMs } = event;
  try {
    const result = await deps.state.write(
      metaKey(job),
      {
        set: { state: 'CANCELLED', reason: oneLine(reason), lastEvent: event, updatedMs: atMs, finishedMs: atMs },
        remove: ['waitingFor', 'pausedFrom'],
      },
      {
        op: 'and',
        of: [
          { op: 'in', path: 'state', values: jobStatesBefore('CANCELLED') },
          // A write that arrives late must not end what a later retry has opened again.
          { op: 'equals', path: 'generation', value: seen.generation },
          nothingDoneSince(seen),
        ],
      },
    );
    return result.applied ? (result.item as unknown as JobMeta) : null;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return null;
  }
}

async function cancelTasks(
  deps: CoordinatorDeps,
  job: JobId,
  meta: JobMeta,
): Promise<Pick<Cancelled, 'tasks' | 'running'>> {
  const counts = { tasks: 0, running: 0 };
  for await (const task of readTasks(deps.state, job, meta.shards)) {
    if (isFinalTaskState(task.state)) continue;
    const result = await deps.state.write(
      taskKey(job, task.id, meta.shards),
      { set: { state: 'CANCELLED', cause: 'cancelled-by-user' }, remove: ['notBeforeMs'] },
      {
        op: 'and',
        of: [
          { op: 'in', path: 'state', values: ['PENDING', 'RUNNING', 'WAIT'] },
          // Whoever sleeps in here may wake up after a retry has opened the task again.
          { op: 'equals', path: 'generation', value: task.generation },
        ],
      },
    );
    if (!result.applied) continue;
    counts.tasks += 1;
    if (task.state === 'RUNNING') counts.running += 1;
  }
  return counts;
}
