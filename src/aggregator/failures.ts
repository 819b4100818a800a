/**
 * The failed items of a job as they stand, task by task in order: what `retry` chooses from. From the published errors where these are of exactly the
 * present winners, else from the winners' own files; either way with a few tasks in memory.
 */
import { join } from 'node:path';
import type { Cause } from '../domain/causes.ts';
import type { TaskId } from '../domain/ids.ts';
import type { FileDigest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { isAppError } from '../errors/app-error.ts';
import { mapBounded } from './bounded.ts';
import type { AggregatorDeps } from './deps.ts';
import type { FinalTask, SortedTasks } from './final-tasks.ts';
import { inputDigest } from './input-digest.ts';
import type { LoadedJob } from './load-job.ts';
import { outcomesOfLost, readLostTask } from './lost-task.ts';
import { readPublication } from './publication.ts';
import { readWinnerFile } from './winner-file.ts';

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

/** Files of different tasks read at once. */
const READS = 8;

/**
 * Failed items of the final tasks that `wanted` lets pass; tasks without any are left out.
 * @throws RESULT_CORRUPT, MANIFEST_CORRUPT, STORE_*, SCRATCH_*
 */
export async function* failuresOf(
  deps: AggregatorDeps,
  job: LoadedJob,
  { final, sizes }: SortedTasks,
  wanted: (task: FinalTask) => boolean,
): AsyncGenerator<TaskFailures> {
  const chosen = final.filter((task) => wanted(task) && (task.win === null || task.win.failed > 0));
  if (chosen.length === 0) return;
  const firstItems = firstItemsOf(sizes);
  const published = await publishedErrors(deps, job, { final, sizes });
  if (published !== null) {
    yield* fromPublished(deps, published, chosen, firstItems);
    return;
  }
  for (let at = 0; at < chosen.length; at += READS)
    yield* await mapBounded(chosen.slice(at, at + READS), READS, async (task) => ({
      task,
      firstItem: firstItems.get(task.task) ?? 0,
      failed: await failedOf(deps, job, task, firstItems.get(task.task) ?? 0),
    }));
}

/** Index of the first item of each task in the job. */
export function firstItemsOf(sizes: SortedTasks['sizes']): ReadonlyMap<TaskId, number> {
  const first = new Map<TaskId, number>();
  let next = 0;
  for (const { task, items } of sizes) {
    first.set(task, next);
    next += items;
  }
  return first;
}

/** The failed items of one final task, from its own files. @throws RESULT_CORRUPT, MANIFEST_CORRUPT, STORE_*, SCRATCH_* */
export async function failedOf(
  deps: AggregatorDeps,
  job: LoadedJob,
  task: FinalTask,
  firstItem: number,
): Promise<FailedItem[]> {
  const outcomes =
    task.win === null
      ? await outcomesOfLost(deps, job, await readLostTask(deps, job, task))
      : (await readWinnerFile(deps, job.job, { task: task.task, ...task.win, only: 'failed' })).outcomes;
  return failedItems(outcomes, firstItem);
}

/** Of all outcomes of a task, the failures; pure. */
export const failedItems = (outcomes: Iterable<ItemOutcome>, firstItem: number): FailedItem[] =>
  [...outcomes]
    .filter(({ status }) => status === 'failed')
    .map(({ itemId, itemIndex, cause, errorClass, errorMessage }) => ({
      item: itemIndex - firstItem,
      itemId,
      cause: cause ?? 'unknown',
      errorClass: errorClass ?? '',
      errorMessage: errorMessage ?? '',
    }));

/** Key and hash of errors.parquet when it is there and was made of exactly these tasks; null otherwise. */
export async function publishedErrors(
  { store }: Pick<AggregatorDeps, 'store'>,
  job: LoadedJob,
  { final, sizes }: Pick<SortedTasks, 'final' | 'sizes'>,
): Promise<FileDigest | null> {
  if (final.length < sizes.length) return null;
  try {
    const manifest = await readPublication(store, job.job);
    if (manifest?.inputDigest !== inputDigest(job, final)) return null;
    const { errors } = manifest.files;
    return (await store.head(errors.key)) === null ? null : errors;
  } catch (error) {
    if (isAppError(error, 'MANIFEST_CORRUPT')) return null;
    throw error;
  }
}

const SQL = 'SELECT item_index, item_id, cause, error_class, error_message FROM errors ORDER BY item_index';

/** A row of it. */
type ErrorRow = readonly [
  index: number | bigint,
  itemId: string,
  cause: Cause,
  errorClass: string | null,
  errorMessage: string | null,
];

async function* fromPublished(
  deps: AggregatorDeps,
  file: { readonly key: string; readonly sha256: string },
  chosen: readonly FinalTask[],
  firstItems: ReadonlyMap<TaskId, number>,
): AsyncGenerator<TaskFailures> {
  const dir = await deps.scratch.open('errors');
  try {
    const path = join(dir.path, 'errors.parquet');
    await deps.store.getFile(file.key, path, { sha256: file.sha256 });
    const result = await deps.columnar.query({ sql: SQL, views: { errors: path }, scratch: dir.path });
    try {
      yield* byTask(result.rows, chosen, firstItems);
    } finally {
      await result.close();
    }
  } finally {
    await dir.dispose();
  }
}

/** Both are in the order of the input, so one walk finds the task of each row. */
async function* byTask(
  rows: AsyncIterable<readonly (readonly unknown[])[]>,
  chosen: readonly FinalTask[],
  firstItems: ReadonlyMap<TaskId, number>,
): AsyncGenerator<TaskFailures> {
  let at = 0;
  let failed: FailedItem[] = [];
  const first = (): number => firstItems.get((chosen[at] as FinalTask).task) ?? 0;
  const end = (): number => first() + (chosen[at] as FinalTask).item.items;
  const take = (): TaskFailures => ({ task: chosen[at] as FinalTask, firstItem: first(), failed });
  for await (const chunk of rows)
    for (const row of chunk) {
      const [index, itemId, cause, errorClass, errorMessage] = row as ErrorRow;
      const itemIndex = Number(index);
      while (at < chosen.length && itemIndex >= end()) {
        if (failed.length > 0) yield take();
        failed = [];
        at += 1;
      }
      if (at === chosen.length) return;
      if (itemIndex < first()) continue;
      const error = { errorClass: errorClass ?? '', errorMessage: errorMessage ?? '' };
      failed.push({ item: itemIndex - first(), itemId, cause, ...error });
    }
  if (failed.length > 0) yield take();
}
