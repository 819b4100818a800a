/** The rows of a published errors file, by task; pure. */
import type { Cause } from '../domain/causes.ts';
import type { TaskId } from '../domain/ids.ts';
import type { FinalTask } from './final-tasks.ts';

export interface FailedItem {
  /** Number within the task. */
  readonly item: number;
  readonly itemId: string;
  readonly cause: Cause;
  readonly errorClass: string;
  readonly errorMessage: string;
}

export interface TaskFailures {
  readonly task: FinalTask;
  /** Index of the task's first item in the job. */
  readonly firstItem: number;
  readonly failed: readonly FailedItem[];
}

/** How many rows stand behind a later one: a look at one column, in the order of the file. */
export const MISPLACED_SQL =
  'SELECT count(*)::DOUBLE FROM (SELECT item_index < lag(item_index) OVER () AS misplaced FROM errors) WHERE misplaced';

/** Without ORDER BY, for which all rows would have to be in memory: the file is in the order of the input, and a SELECT keeps it. */
export const ERRORS_SQL = 'SELECT item_index::DOUBLE, item_id, cause, error_class, error_message FROM errors';

/** The same of a file that is not. */
export const SORTED_ERRORS_SQL = `${ERRORS_SQL} ORDER BY item_index`;

/** A row of it. */
export type ErrorRow = readonly [
  index: number,
  itemId: string,
  cause: Cause,
  errorClass: string | null,
  errorMessage: string | null,
];

/** Rows and `chosen` are in the order of the input, so one walk finds the task of each row. Tasks without any are left out. */
export async function* failuresByTask(
  rows: AsyncIterable<readonly (readonly unknown[])[]>,
  chosen: readonly FinalTask[],
  firstItems: ReadonlyMap<TaskId, number>,
): AsyncGenerator<TaskFailures> {
  const rest = chosen.values();
  let current = nextOf(rest, firstItems);
  for await (const chunk of rows)
    for (const row of chunk) {
      const [index, itemId, cause, errorClass, errorMessage] = row as ErrorRow;
      while (current !== null && index >= current.end) {
        if (current.failures.failed.length > 0) yield current.failures;
        current = nextOf(rest, firstItems);
      }
      if (current === null) return;
      const { firstItem, failed } = current.failures;
      if (index < firstItem) continue;
      const error = { errorClass: errorClass ?? '', errorMessage: errorMessage ?? '' };
      failed.push({ item: index - firstItem, itemId, cause, ...error });
    }
  if (current !== null && current.failures.failed.length > 0) yield current.failures;
}

interface Current {
  readonly failures: TaskFailures & { readonly failed: FailedItem[] };
  /** Index of the first item behind its own. */
  readonly end: number;
}

function nextOf(rest: Iterator<FinalTask>, firstItems: ReadonlyMap<TaskId, number>): Current | null {
  const next = rest.next();
  if (next.done === true) return null;
  const task = next.value;
  const firstItem = firstItems.get(task.task) ?? 0;
  return { failures: { task, firstItem, failed: [] }, end: firstItem + task.item.items };
}
