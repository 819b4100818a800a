/** Where an item is, by what a person calls it. Ids that are ordinals are reckoned; others are looked up in the output, or in the batches. */
import { distance } from 'fastest-levenshtein';
import type { LoadedJob } from '../aggregator/load-job.ts';
import { taskIdOf, type TaskId } from '../domain/ids.ts';
import { batchKey, taskManifestKey } from '../domain/keys.ts';
import type { TaskManifest } from '../domain/manifest.ts';
import { openBatch } from '../domain/task-batch.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';

export interface PlacedItem {
  readonly task: TaskId;
  readonly manifest: TaskManifest;
  /** Number within the task. */
  readonly number: number;
}

const ORDINAL = /^(?:0|[1-9]\d{0,14})$/;

/** @param wanted an id, or `#` and the 0-based position in the input @throws JOB_NOT_FOUND with a suggestion, STORE_*, MANIFEST_CORRUPT */
export async function findItem(drivers: Drivers, job: LoadedJob, wanted: string): Promise<PlacedItem> {
  const { counts, spec } = job.manifest;
  const idField = spec.input.id;
  const asOrdinal = wanted.startsWith('#') ? wanted.slice(1) : idField === undefined ? wanted : null;
  if (asOrdinal !== null) {
    const index = ORDINAL.test(asOrdinal) ? Number(asOrdinal) : counts.items;
    if (index >= counts.items) throw noItem(job, wanted, `The items of this job are numbered 0 to ${counts.items - 1}`);
    return placeOf(drivers, job, index);
  }
  const index = (await indexInOutput(drivers, job, wanted)) ?? (await indexInBatches(drivers, job, wanted));
  return placeOf(drivers, job, index);
}

/** The tasks are consecutive, so that a few manifests tell in which one it is. */
async function placeOf({ store }: Drivers, job: LoadedJob, index: number): Promise<PlacedItem> {
  let low = 0;
  let high = job.manifest.counts.tasks - 1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const manifest = await readTaskManifest(store, job, taskIdOf(middle));
    if (index < manifest.firstItem) high = middle - 1;
    else if (index >= manifest.firstItem + manifest.items) low = middle + 1;
    else return { task: manifest.task, manifest, number: index - manifest.firstItem };
  }
  throw new AppError('MANIFEST_CORRUPT', { message: `no task of job ${job.job} holds item #${index}` });
}

async function readTaskManifest(store: Drivers['store'], { job }: LoadedJob, task: TaskId): Promise<TaskManifest> {
  const key = taskManifestKey(job, task);
  const bytes = await store.get(key);
  if (bytes === null) throw new AppError('STORE_NOT_FOUND', { message: `${store.url(key)} is missing` });
  return JSON.parse(new TextDecoder().decode(bytes)) as TaskManifest;
}

const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Null when there is no output. @throws JOB_NOT_FOUND when the output does not have it, and so nothing has */
async function indexInOutput(drivers: Drivers, job: LoadedJob, wanted: string): Promise<number | null> {
  const { queryResults } = await import('./read-results.ts');
  const ask = async (sql: string): Promise<unknown> => {
    const result = await queryResults(drivers, job.job, sql);
    try {
      for await (const rows of result.rows) if (rows[0] !== undefined) return rows[0][0];
      return null;
    } finally {
      await result.close();
    }
  };
  let found: unknown;
  try {
    found = await ask(`SELECT item_index FROM results WHERE item_id = ${sqlText(wanted)} LIMIT 1`);
  } catch (error) {
    if (!isAppError(error, 'OUTPUT_NOT_READY')) throw error;
    return null;
  }
  if (found !== null) return Number(found);
  const similar = await ask(
    `SELECT item_id FROM results WHERE abs(length(item_id) - ${wanted.length}) <= ${MOST_DISTANCE} ` +
      `ORDER BY levenshtein(item_id, ${sqlText(wanted)}), item_index LIMIT 1`,
  );
  throw noItem(job, wanted, suggestion(job, wanted, typeof similar === 'string' ? similar : null));
}

const MOST_DISTANCE = 3;
/** Batches read at once. */
const READS = 8;

async function indexInBatches({ store }: Drivers, job: LoadedJob, wanted: string): Promise<number> {
  const { counts, spec } = job.manifest;
  let nearest: { readonly id: string; readonly far: number } | null = null;
  for (let at = 0; at < counts.tasks; at += READS) {
    const tasks = Array.from({ length: Math.min(READS, counts.tasks - at) }, (_, more) => taskIdOf(at + more));
    const batches = await Promise.all(tasks.map((task) => readBatch(store, job, task)));
    for (const { bytes, manifest } of batches) {
      const batch = openBatch(bytes, manifest, spec.input.id);
      for (let n = 0; n < batch.items; n += 1) {
        const { itemId, itemIndex } = batch.item(n);
        if (itemId === wanted) return itemIndex;
        if (Math.abs(itemId.length - wanted.length) > MOST_DISTANCE) continue;
        const far = distance(itemId, wanted);
        if (nearest === null || far < nearest.far) nearest = { id: itemId, far };
      }
    }
  }
  throw noItem(job, wanted, suggestion(job, wanted, nearest?.id ?? null));
}

async function readBatch(store: Drivers['store'], job: LoadedJob, task: TaskId) {
  const manifest = await readTaskManifest(store, job, task);
  const bytes = await store.get(batchKey(job.job, task), { sha256: manifest.batch.sha256 });
  if (bytes === null) throw new AppError('STORE_NOT_FOUND', { message: `${store.url(manifest.batch.key)} is missing` });
  return { bytes, manifest };
}

/** The id of an item, from its batch. */
export async function itemIdOf({ store }: Drivers, job: LoadedJob, { task, number }: PlacedItem): Promise<string> {
  const { bytes, manifest } = await readBatch(store, job, task);
  return openBatch(bytes, manifest, job.manifest.spec.input.id).item(number).itemId;
}

function suggestion({ manifest }: LoadedJob, wanted: string, similar: string | null): string {
  const named = `Items are named by the field ${JSON.stringify(manifest.spec.input.id)} of the input, or #0 to #${manifest.counts.items - 1}`;
  return similar !== null && distance(similar, wanted) <= MOST_DISTANCE
    ? `Did you mean ${JSON.stringify(similar)}? ${named}`
    : named;
}

const noItem = ({ job }: LoadedJob, wanted: string, hint: string): AppError =>
  new AppError('JOB_NOT_FOUND', { message: `job ${job} has no item ${JSON.stringify(wanted)}`, hint });
