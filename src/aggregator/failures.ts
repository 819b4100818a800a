/**
 * The failed items of a job as they stand, task by task in order: what `retry` chooses from. From the published errors where these are of exactly the
 * present winners, else from the winners' own files; either way with a few tasks in memory.
 */
import { join } from 'node:path';
import type { TaskId } from '../domain/ids.ts';
import type { FileDigest } from '../domain/manifest.ts';
import type { ItemOutcome } from '../domain/outcome.ts';
import { isAppError } from '../errors/app-error.ts';
import { streamBounded } from './bounded.ts';
import type { AggregatorDeps } from './deps.ts';
import type { FinalTask, SortedTasks } from './final-tasks.ts';
import { inputDigest } from './input-digest.ts';
import type { LoadedJob } from './load-job.ts';
import { outcomesOfLost, readLostTask } from './lost-task.ts';
import {
  ERRORS_SQL,
  failuresByTask,
  MISPLACED_SQL,
  SORTED_ERRORS_SQL,
  type FailedItem,
  type TaskFailures,
} from './published-failures.ts';
import { readPublication } from './publication.ts';
import { readWinnerFile } from './winner-file.ts';

/** Tasks whose files are read at once: enough for a store that is far away, and of each only what failed is kept. */
export const READS = 16;

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
  yield* streamBounded(chosen, READS, async (task) => ({
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
    yield* failuresByTask(errorRows(deps, { path, scratch: dir.path }), chosen, firstItems);
  } finally {
    await dir.dispose();
  }
}

/** Of an errors file, in the order of the input. Not every file is sorted: some were merged of parts that were not. @throws RESULT_CORRUPT, SCRATCH_FULL */
export async function* errorRows(
  { columnar }: Pick<AggregatorDeps, 'columnar'>,
  { path, scratch }: { readonly path: string; readonly scratch: string },
): AsyncGenerator<readonly (readonly unknown[])[]> {
  const request = { views: { errors: path }, scratch, inTurn: true };
  let misplaced: unknown = 0;
  const look = await columnar.query({ ...request, sql: MISPLACED_SQL });
  for await (const chunk of look.rows) misplaced = chunk[0]?.[0] ?? misplaced;
  const result = await columnar.query({ ...request, sql: misplaced === 0 ? ERRORS_SQL : SORTED_ERRORS_SQL });
  try {
    yield* result.rows;
  } finally {
    await result.close();
  }
}
