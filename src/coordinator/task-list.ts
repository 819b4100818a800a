/** The tasks of a job as advance sees them: counts for all, the items themselves only for those that may need a decision. */
import { createJobFailureSum, type FailureSums } from '../domain/failure-sum.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import type { ItemCounts, TaskCounts } from '../domain/job-item.ts';
import { taskPartition } from '../domain/state-keys.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { StateTable } from '../ports/state-table.ts';

export interface Task extends TaskItem {
  readonly id: TaskId;
}

/** Streams every task of a job, shard by shard. */
export async function* readTasks(state: StateTable, job: JobId, shards: number): AsyncGenerator<Task> {
  for (let shard = 0; shard < shards; shard += 1)
    for await (const { sort, item } of state.query(taskPartition(job, shard)))
      yield { ...(item as unknown as TaskItem), id: sort as TaskId };
}

export interface Counts {
  readonly tasks: TaskCounts;
  readonly items: ItemCounts;
  /** What commits say of the failed ones. */
  readonly failures: FailureSums;
}

/** Adds tasks up one by one. `submittedWave`: PENDING tasks of waves up to this one are shown as submitted. */
export function createCounter(submittedWave: number): { add(task: TaskItem): void; counts(): Counts } {
  const tasks = { total: 0, pending: 0, submitted: 0, running: 0, wait: 0, done: 0, dead: 0, cancelled: 0 };
  const items = { total: 0, succeeded: 0, failed: 0, pending: 0 };
  const failures = createJobFailureSum();
  return {
    add(task) {
      failures.add(task.win?.failures ?? []);
      tasks.total += 1;
      tasks[countedAs(task, submittedWave)] += 1;
      items.total += task.items;
      const { succeeded, failed } = finishedItems(task);
      items.succeeded += succeeded;
      items.failed += failed;
      items.pending += task.items - succeeded - failed;
    },
    counts: () => ({ tasks: { ...tasks }, items: { ...items }, failures: failures.sums(items.failed) }),
  };
}

function countedAs(task: TaskItem, submittedWave: number): Exclude<keyof TaskCounts, 'total'> {
  switch (task.state) {
    case 'PENDING':
      return task.wave <= submittedWave ? 'submitted' : 'pending';
    case 'RUNNING':
      return 'running';
    case 'WAIT':
      return 'wait';
    case 'DONE':
      return 'done';
    case 'DEAD':
      return 'dead';
    case 'CANCELLED':
      return 'cancelled';
  }
}

/**
 * Items of a task that have an outcome: those its checkpoint holds, or of a running attempt that got further what it reports. Once the task is given
 * up or cancelled the rest of them has failed. A checkpoint that turns out useless takes back what it held.
 */
export function finishedItems({ state, items, win, checkpoint, progress = 0, progressFailed = 0 }: TaskItem): {
  readonly succeeded: number;
  readonly failed: number;
} {
  if (win !== undefined) return { succeeded: win.succeeded, failed: win.failed };
  const saved = checkpoint?.items ?? 0;
  const seen =
    state === 'RUNNING' && progress >= saved
      ? { items: progress, failed: progressFailed }
      : { items: saved, failed: checkpoint?.failed ?? 0 };
  const done = Math.min(seen.items, items);
  const failed = Math.min(seen.failed, done);
  const isOver = state === 'DEAD' || state === 'CANCELLED';
  return { succeeded: done - failed, failed: isOver ? items - (done - failed) : failed };
}
