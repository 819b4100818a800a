import { publishedErrors } from '../aggregator/failures.ts';
import { sortTasks } from '../aggregator/final-tasks.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import { readManifest } from '../coordinator/manifests.ts';
import { readTasks } from '../coordinator/task-list.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import { isBeingStored } from '../domain/job-item.ts';
import type { ObservedTask } from '../observe/needs.ts';
import type { Drivers } from './job-backends.ts';
import { openAggregator } from './open-aggregator.ts';
import { fromOutput, fromTasks } from './read-failures.ts';

/**
 * The ids of items that have failed for good, as far as that is saved, by task. What cannot be read is left out. @param only absent: all tasks
 * @throws JOB_NOT_FOUND, MANIFEST_CORRUPT, STORE_*, SCRATCH_*
 */
export async function* readFailedItems(
  drivers: Drivers,
  job: JobId,
  only: TaskId | null,
): AsyncGenerator<{ readonly task: TaskId; readonly itemIds: ReadonlySet<string> }> {
  const meta = await requireMeta(drivers.state, job);
  if (isBeingStored(meta)) return;
  const loaded = { job, generation: meta.generation, manifest: await readManifest(drivers.store, job, meta) };
  const tasks: ObservedTask[] = [];
  for await (const { id, ...item } of readTasks(drivers.state, job, meta.shards)) tasks.push({ task: id, item });
  const aggregator = await openAggregator(drivers);
  try {
    const sorted = sortTasks(tasks);
    const reading = { deps: aggregator.deps, job: loaded, sorted, notes: [] };
    const mine = only === null ? tasks : tasks.filter(({ task }) => task === only);
    const isPublished = only === null && (await publishedErrors(aggregator.deps, loaded, sorted)) !== null;
    for await (const { task, failed } of isPublished ? fromOutput(reading) : fromTasks(reading, mine))
      yield { task, itemIds: new Set(failed.map(({ itemId }) => itemId)) };
  } finally {
    await aggregator.close();
  }
}
