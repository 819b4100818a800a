/** The failed items of a job as they stand, for looking at: of tasks in any state, whatever can be read of them. */
import { streamBounded } from '../aggregator/bounded.ts';
import type { AggregatorDeps } from '../aggregator/deps.ts';
import { failedItems, failedOf, failuresOf, firstItemsOf, READS } from '../aggregator/failures.ts';
import { sortTasks, type FinalTask, type SortedTasks } from '../aggregator/final-tasks.ts';
import type { LoadedJob } from '../aggregator/load-job.ts';
import type { FailedItem } from '../aggregator/published-failures.ts';
import { readSaved } from '../aggregator/lost-task.ts';
import { taskKey } from '../domain/state-keys.ts';
import { isFinalTaskState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { isAppError, type AppError } from '../errors/app-error.ts';
import type { ObservedTask, TaskFailures } from '../observe/needs.ts';
import { readTaskManifest } from './item-ids.ts';

/** Tasks that could not be read and are named. */
const NAMED = 5;

export interface Reading {
  readonly deps: AggregatorDeps;
  readonly job: LoadedJob;
  readonly sorted: SortedTasks;
  /** What cannot be read is told here. */
  readonly notes: string[];
}

/** Of the published errors. @throws STORE_*, SCRATCH_* */
export async function* fromOutput({ deps, job, sorted }: Reading): AsyncGenerator<TaskFailures> {
  for await (const { task, firstItem, failed } of failuresOf(deps, job, sorted, () => true))
    yield { task: task.task, item: task.item, firstItem, failed };
}

/**
 * Task by task: results of those that are done, all items of those that were given up, checkpoints of the others. @throws STORE_UNAVAILABLE, SCRATCH_*
 */
export async function* fromTasks(reading: Reading, tasks: readonly ObservedTask[]): AsyncGenerator<TaskFailures> {
  const firstItems = firstItemsOf(reading.sorted.sizes);
  const chosen = tasks.filter(({ item }) => mayHaveFailures(item));
  const unreadable: string[] = [];
  const all = streamBounded(chosen, READS, async ({ task, item }) => {
    const firstItem = firstItems.get(task) ?? 0;
    try {
      const failures = await failuresOfTask(reading, { task, item }, firstItem);
      if (failures === null) unreadable.push(`task ${task}: its checkpoint cannot be used`);
      return failures;
    } catch (error) {
      if (!isDamage(error)) throw error;
      // Most of these messages begin with the task.
      unreadable.push(`task ${task}: ${error.message.replace(`task ${task}: `, '')}`);
      return null;
    }
  });
  for await (const failures of all) if (failures !== null && failures.failed.length > 0) yield failures;
  for (const what of unreadable.slice(0, NAMED)) reading.notes.push(`failures are missing of ${what}`);
  if (unreadable.length > NAMED)
    reading.notes.push(
      `failures are missing of ${unreadable.length - NAMED} more tasks, whose files cannot be read either`,
    );
}

/** One task's files say nothing of the others: the rest is told all the same. */
const isDamage = (error: unknown): error is AppError =>
  isAppError(error, 'RESULT_CORRUPT') ||
  isAppError(error, 'MANIFEST_CORRUPT') ||
  isAppError(error, 'STORE_CORRUPT') ||
  isAppError(error, 'STORE_NOT_FOUND');

function mayHaveFailures({ state, win, checkpoint, redo }: TaskItem): boolean {
  if (win !== undefined) return win.failed > 0;
  return isFinalTaskState(state) || (checkpoint?.failed ?? 0) > 0 || (checkpoint === undefined && redo === true);
}

/** Null when what it had saved cannot be used. */
async function failuresOfTask(reading: Reading, seen: ObservedTask, firstItem: number): Promise<TaskFailures | null> {
  const { deps, job } = reading;
  const read = async ({ task, item }: ObservedTask): Promise<TaskFailures | null> => {
    const failed = isFinalTaskState(item.state)
      ? await failedOf(deps, job, sortTasks([{ task, item }]).final[0] as FinalTask, firstItem)
      : await savedFailures(deps, job, { task, item }, firstItem);
    return failed === null ? null : { task, item, firstItem, failed };
  };
  const found = await read(seen);
  if (found !== null) return found;
  // What it had saved is gone: it was committed, or begun anew, since its state was read.
  const item = (await deps.state.get(taskKey(job.job, seen.task, job.manifest.shards))) as TaskItem | null;
  if (item === null || !mayHaveFailures(item)) return { ...seen, firstItem, failed: [] };
  return read({ task: seen.task, item });
}

/** Of a task that has work left; null when nothing of it can be read. */
async function savedFailures(
  deps: AggregatorDeps,
  job: LoadedJob,
  { task, item }: ObservedTask,
  firstItem: number,
): Promise<FailedItem[] | null> {
  const manifest = await readTaskManifest(deps.store, job, task);
  const saved = await readSaved(deps, job, { task, item, manifest });
  return saved === null ? null : failedItems(saved.outcomes.values(), firstItem);
}
