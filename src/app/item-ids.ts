/** The ids of the items of a job, from its batches: where those are that a person named, and which are like one that does not exist. */
import { distance } from 'fastest-levenshtein';
import type { LoadedJob } from '../aggregator/load-job.ts';
import { taskIdOf, type TaskId } from '../domain/ids.ts';
import { taskManifestKey } from '../domain/keys.ts';
import type { TaskManifest } from '../domain/manifest.ts';
import { openBatch, type TaskBatch } from '../domain/task-batch.ts';
import { AppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

export interface LocatedItem {
  readonly task: TaskId;
  /** Number within the task. */
  readonly item: number;
}

export interface ScannedIds {
  readonly found: ReadonlyMap<string, LocatedItem>;
  /** Of those in `similarTo`, the most similar id, where there is one of at most `MOST_DISTANCE`. */
  readonly similar: ReadonlyMap<string, string>;
}

/** Edits beyond which an id is not meant. */
export const MOST_DISTANCE = 3;
/** Batches read at once. */
const READS = 8;

/**
 * Reads batch after batch until every id of `wanted` is found, or to the end. Where `wanted` is empty it is about `similarTo` alone.
 * @throws STORE_*
 */
export async function scanIds(
  store: ObjectStore,
  job: LoadedJob,
  { wanted, similarTo }: { readonly wanted: ReadonlySet<string>; readonly similarTo: readonly string[] },
): Promise<ScannedIds> {
  const found = new Map<string, LocatedItem>();
  const nearest = createNearest(similarTo);
  for await (const { id, task, item } of idsOf(store, job)) {
    if (wanted.has(id)) found.set(id, { task, item });
    if (wanted.size > 0 && found.size === wanted.size) break;
    nearest.see(id);
  }
  return { found, similar: nearest.ids() };
}

async function* idsOf(store: ObjectStore, job: LoadedJob): AsyncGenerator<LocatedItem & { readonly id: string }> {
  const { tasks } = job.manifest.counts;
  for (let at = 0; at < tasks; at += READS) {
    const group = Array.from({ length: Math.min(READS, tasks - at) }, (_, more) => taskIdOf(at + more));
    const batches = await Promise.all(group.map((task) => readBatch(store, job, task)));
    for (const [number, batch] of batches.entries()) {
      const task = group[number] as TaskId;
      for (let item = 0; item < batch.items; item += 1) yield { id: batch.item(item).itemId, task, item };
    }
  }
}

function createNearest(ones: readonly string[]): { see(id: string): void; ids(): ReadonlyMap<string, string> } {
  const best = new Map<string, { readonly id: string; readonly far: number }>();
  return {
    see(id) {
      for (const one of ones) {
        if (Math.abs(id.length - one.length) > MOST_DISTANCE) continue;
        const far = distance(id, one);
        if (far <= MOST_DISTANCE && far < (best.get(one)?.far ?? Infinity)) best.set(one, { id, far });
      }
    },
    ids: () => new Map([...best].map(([one, { id }]) => [one, id])),
  };
}

/** The id of one item. @throws STORE_* */
export const itemIdOf = async (store: ObjectStore, job: LoadedJob, { task, item }: LocatedItem): Promise<string> =>
  (await readBatch(store, job, task)).item(item).itemId;

async function readBatch(store: ObjectStore, job: LoadedJob, task: TaskId): Promise<TaskBatch> {
  const manifest = await readTaskManifest(store, job, task);
  const { key, sha256 } = manifest.batch;
  const bytes = await store.get(key, { sha256 });
  if (bytes === null) throw new AppError('STORE_NOT_FOUND', { message: `${store.url(key)} is missing` });
  return openBatch(bytes, manifest, job.manifest.spec.input.id);
}

/** @throws STORE_* */
export async function readTaskManifest(store: ObjectStore, { job }: LoadedJob, task: TaskId): Promise<TaskManifest> {
  const key = taskManifestKey(job, task);
  const bytes = await store.get(key);
  if (bytes === null) throw new AppError('STORE_NOT_FOUND', { message: `${store.url(key)} is missing` });
  return JSON.parse(new TextDecoder().decode(bytes)) as TaskManifest;
}
