/** Goes over the failures of a job and picks what a `retry` is about. Reads only. */
import { failuresOf } from '../aggregator/failures.ts';
import type { TaskFailures } from '../aggregator/published-failures.ts';
import type { AggregatorDeps } from '../aggregator/deps.ts';
import { readSortedTasks, type FinalTask, type SortedTasks } from '../aggregator/final-tasks.ts';
import type { LoadedJob } from '../aggregator/load-job.ts';
import type { Cause } from '../domain/causes.ts';
import { taskNumber, type TaskId } from '../domain/ids.ts';
import { countIn, includes, rangesOf, type ItemRange } from '../domain/item-ranges.ts';
import { createFingerprints } from '../domain/failure-fingerprints.ts';
import { isFailureWanted, isTaskWanted, requireTasks, type RetryCriteria } from './retry-criteria.ts';
import { locateItems, type NamedItems } from './retry-items.ts';

/** One task and the items of it that run again. */
export interface ChosenTask {
  readonly task: FinalTask;
  readonly items: readonly ItemRange[];
}

export interface Selection {
  /** In order. */
  readonly tasks: readonly ChosenTask[];
  readonly items: number;
  /** Of those, items that had succeeded. */
  readonly succeeded: number;
  /** Failed items that run again, most frequent first. */
  readonly causes: readonly { readonly cause: Cause; readonly items: number; readonly tasks: number }[];
  readonly errors: readonly {
    readonly fingerprint: string;
    readonly cause: Cause;
    readonly items: number;
    /** Message of one of them. */
    readonly example: string;
  }[];
  /** Tasks, of those that were meant, that have not ended yet and so cannot be opened again. */
  readonly unfinished: number;
}

/** @throws USAGE for tasks and items that do not exist, and what reading the results throws */
export async function selectItems(
  deps: AggregatorDeps,
  job: LoadedJob,
  criteria: RetryCriteria,
  named: NamedItems | null,
): Promise<Selection> {
  requireTasks(criteria, job.manifest.counts.tasks);
  const sorted = await readSortedTasks(deps.state, job);
  // Before anything else: a file with a slip in it starts nothing, however little of it is meant in the end.
  const located = named === null ? null : await locateItems(deps.store, job, sorted, named);
  const namedIn = located === null ? null : groupByTask(located.values());
  const isWanted = (task: FinalTask): boolean =>
    isTaskWanted(criteria, task) && (namedIn === null || namedIn.has(task.task));
  const picked = createPicked(criteria, namedIn);
  for await (const failures of failuresOf(deps, job, sorted, isWanted)) picked.addFailures(failures);
  if (criteria.all || (namedIn !== null && !criteria.failedOnly))
    for (const task of sorted.final) if (isWanted(task)) picked.addWhole(task);
  return { ...picked.result(), unfinished: unfinishedMeant(sorted, criteria, namedIn) };
}

type NamedIn = ReadonlyMap<TaskId, ReadonlySet<number>>;

function groupByTask(items: Iterable<{ readonly task: TaskId; readonly item: number }>): NamedIn {
  const groups = new Map<TaskId, Set<number>>();
  for (const { task, item } of items) groups.set(task, (groups.get(task) ?? new Set()).add(item));
  return groups;
}

/** `--dead` and failures speak of tasks that have ended; what is named may not have. */
function unfinishedMeant({ unfinished }: SortedTasks, criteria: RetryCriteria, namedIn: NamedIn | null): number {
  if (criteria.dead) return 0;
  return unfinished.filter(
    (task) =>
      (criteria.tasks === null || includes(criteria.tasks, taskNumber(task))) &&
      (namedIn === null || namedIn.has(task)),
  ).length;
}

function createPicked(criteria: RetryCriteria, namedIn: NamedIn | null) {
  const fingerprint = createFingerprints();
  const chosen = new Map<TaskId, ChosenTask>();
  const causes = new Map<Cause, { items: number; tasks: number }>();
  const errors = new Map<string, { cause: Cause; items: number; example: string }>();
  let failedItems = 0;
  return {
    addFailures({ task, failed }: TaskFailures): void {
      const named = namedIn?.get(task.task);
      const items: number[] = [];
      const seen = new Set<Cause>();
      for (const one of failed) {
        if (namedIn !== null && named?.has(one.item) !== true) continue;
        const mark = fingerprint({ isLost: task.win === null, item: task.item }, one);
        if (!isFailureWanted(criteria, { cause: one.cause, fingerprint: mark })) continue;
        items.push(one.item);
        const cause = causes.get(one.cause) ?? { items: 0, tasks: 0 };
        causes.set(one.cause, { items: cause.items + 1, tasks: cause.tasks + (seen.has(one.cause) ? 0 : 1) });
        seen.add(one.cause);
        const error = errors.get(mark) ?? { cause: one.cause, items: 0, example: one.errorMessage };
        errors.set(mark, { ...error, items: error.items + 1 });
      }
      failedItems += items.length;
      if (items.length > 0) chosen.set(task.task, { task, items: rangesOf(items) });
    },
    /** Every item of the task, or every named one, whatever became of it. */
    addWhole(task: FinalTask): void {
      const named = namedIn?.get(task.task);
      const items = named === undefined ? [{ from: 0, to: task.item.items - 1 }] : rangesOf(named);
      chosen.set(task.task, { task, items });
    },
    result(): Omit<Selection, 'unfinished'> {
      const tasks = [...chosen.values()].toSorted((a, b) => taskNumber(a.task.task) - taskNumber(b.task.task));
      const items = tasks.reduce((sum, one) => sum + countIn(one.items), 0);
      return {
        tasks,
        items,
        succeeded: items - failedItems,
        causes: mostFirst([...causes].map(([cause, counts]) => ({ cause, ...counts }))),
        errors: mostFirst([...errors].map(([mark, error]) => ({ fingerprint: mark, ...error }))),
      };
    },
  };
}

const mostFirst = <T extends { readonly items: number }>(counted: readonly T[]): T[] =>
  counted.toSorted((a, b) => b.items - a.items);
