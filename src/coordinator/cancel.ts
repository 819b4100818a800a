/**
 * Stops a job at any moment. It needs no lease: META → CANCELLED is one conditional write, and everybody who submits or claims looks at
 * META first. What is committed stays committed; `aggregate` can still publish it.
 */
import type { JobId } from '../domain/ids.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { metaKey, taskKey } from '../domain/state-keys.ts';
import { isFinalTaskState, jobStatesBefore } from '../domain/states.ts';
import { endSubmissions } from './end-submissions.ts';
import { dropHints } from './hints.ts';
import { requireMeta, retireFromIndex } from './job-meta.ts';
import type { CoordinatorDeps } from './needs.ts';
import { readTasks } from './task-list.ts';

export interface Cancelled {
  readonly meta: JobMeta;
  readonly submissions: number;
  readonly tasks: number;
}

/** @throws JOB_NOT_FOUND, JOB_BAD_STATE when the job has ended by itself; cancelling a cancelled job goes over it again */
export async function cancelJob(deps: CoordinatorDeps, job: JobId, reason: string): Promise<Cancelled> {
  return finishCancel(deps, job, await markCancelled(deps, job, reason));
}

/** What a cancel does once META says so; also for a cancel that died half-way. */
export async function finishCancel(deps: CoordinatorDeps, job: JobId, meta: JobMeta): Promise<Cancelled> {
  const submissions = await endSubmissions(deps, job, 'the job was cancelled');
  const tasks = await cancelTasks(deps, job, meta);
  await dropHints(deps, job);
  await retireFromIndex(deps.state, job);
  return { meta, submissions, tasks };
}

async function markCancelled(deps: CoordinatorDeps, job: JobId, reason: string): Promise<JobMeta> {
  const nowMs = deps.clock.nowMs();
  try {
    const result = await deps.state.write(
      metaKey(job),
      { set: { state: 'CANCELLED', reason, updatedMs: nowMs, finishedMs: nowMs }, remove: ['waitingFor'] },
      { op: 'in', path: 'state', values: jobStatesBefore('CANCELLED') },
    );
    if (result.applied) return result.item as unknown as JobMeta;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
  }
  const current = await requireMeta(deps.state, job);
  if (current.state === 'CANCELLED') return current;
  throw new AppError('JOB_BAD_STATE', { message: `job ${job} has ended already (${current.state})` });
}

async function cancelTasks(deps: CoordinatorDeps, job: JobId, meta: JobMeta): Promise<number> {
  let cancelled = 0;
  for await (const task of readTasks(deps.state, job, meta.shards)) {
    if (isFinalTaskState(task.state)) continue;
    const result = await deps.state.write(
      taskKey(job, task.id, meta.shards),
      { set: { state: 'CANCELLED', cause: 'cancelled-by-user' }, remove: ['notBeforeMs'] },
      { op: 'in', path: 'state', values: ['PENDING', 'RUNNING', 'WAIT'] },
    );
    if (result.applied) cancelled += 1;
  }
  return cancelled;
}
