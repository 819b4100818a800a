/** Where an item is, by what a person calls it. Ids that are ordinals are reckoned; others are looked up in the output, or in the batches. */
import { distance } from 'fastest-levenshtein';
import type { LoadedJob } from '../aggregator/load-job.ts';
import { taskIdOf, type TaskId } from '../domain/ids.ts';
import type { TaskManifest } from '../domain/manifest.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import { MOST_DISTANCE, readTaskManifest, scanIds } from './item-ids.ts';
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
  const index = await indexInOutput(drivers, job, wanted);
  return index === null ? placeInBatches(drivers, job, wanted) : placeOf(drivers, job, index);
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

async function placeInBatches({ store }: Drivers, job: LoadedJob, wanted: string): Promise<PlacedItem> {
  const { found, similar } = await scanIds(store, job, { wanted: new Set([wanted]), similarTo: [wanted] });
  const at = found.get(wanted);
  if (at === undefined) throw noItem(job, wanted, suggestion(job, wanted, similar.get(wanted) ?? null));
  return { task: at.task, manifest: await readTaskManifest(store, job, at.task), number: at.item };
}

function suggestion({ manifest }: LoadedJob, wanted: string, similar: string | null): string {
  const named = `Items are named by the field ${JSON.stringify(manifest.spec.input.id)} of the input, or #0 to #${manifest.counts.items - 1}`;
  return similar !== null && distance(similar, wanted) <= MOST_DISTANCE
    ? `Did you mean ${JSON.stringify(similar)}? ${named}`
    : named;
}

const noItem = ({ job }: LoadedJob, wanted: string, hint: string): AppError =>
  new AppError('JOB_NOT_FOUND', { message: `job ${job} has no item ${JSON.stringify(wanted)}`, hint });
