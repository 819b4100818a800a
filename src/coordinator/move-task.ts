/** The one conditional write behind every arrow of a task that `advance` takes. */
import { taskKey } from '../domain/state-keys.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateChange, StateCondition } from '../ports/state-table.ts';
import type { CoordinatorDeps } from './needs.ts';
import type { ReconcileRequest } from './reconcile.ts';
import type { Task } from './task-list.ts';

/** The wait that was seen, and not one of a later attempt that a slow pass knows nothing of. */
export const sameWait = (task: Task): StateCondition => ({
  op: 'and',
  of: [
    { op: 'equals', path: 'state', value: 'WAIT' },
    { op: 'equals', path: 'attempts', value: task.attempts },
    task.notBeforeMs === undefined
      ? { op: 'absent', path: 'notBeforeMs' }
      : { op: 'equals', path: 'notBeforeMs', value: task.notBeforeMs },
  ],
});

/** The task is still claimable, and nobody has claimed it or opened it again since. */
export const stillPending = ({ attempts, generation }: Pick<Task, 'attempts' | 'generation'>): StateCondition => ({
  op: 'and',
  of: [
    { op: 'equals', path: 'state', value: 'PENDING' },
    { op: 'equals', path: 'attempts', value: attempts },
    { op: 'equals', path: 'generation', value: generation },
  ],
});

/** The owner that was seen. */
export const sameOwner = (task: Task): StateCondition => ({
  op: 'and',
  of: [
    { op: 'equals', path: 'state', value: 'RUNNING' },
    { op: 'equals', path: 'owner', value: task.owner ?? '' },
  ],
});

/** The task as it is afterwards. A refused move means somebody else was there first: the task is then as they left it. */
export async function moveTask(
  deps: Pick<CoordinatorDeps, 'state'>,
  { job, meta }: Pick<ReconcileRequest, 'job' | 'meta'>,
  task: Task,
  move: { readonly change: StateChange; readonly when: StateCondition },
): Promise<{ readonly task: Task; readonly moved: boolean }> {
  const key = taskKey(job, task.id, meta.shards);
  try {
    const result = await deps.state.write(key, move.change, move.when);
    const item = result.applied ? result.item : result.current;
    return { task: { ...(item as unknown as Task), id: task.id }, moved: result.applied };
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return { task: { ...((await deps.state.get(key)) as unknown as Task), id: task.id }, moved: false };
  }
}
