import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json.ts';
import { asTaskId, type JobId, type TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { batchKey, jobManifestKey, taskManifestKey, waveKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type JobManifest, type TaskManifest, type WaveManifest } from '../domain/manifest.ts';
import { AppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** @throws MANIFEST_CORRUPT when it is foreign, of another version, or was altered after the submit; STORE_NOT_FOUND */
export async function readJobManifest(store: ObjectStore, job: JobId, meta: JobMeta): Promise<JobManifest> {
  const key = jobManifestKey(job);
  const manifest = await readManifest<JobManifest>(store, key, MANIFEST_SCHEMAS.job);
  expectEqual(store, key, { what: 'job', found: manifest.job, expected: job });
  const hash = createHash('sha256')
    .update(canonicalJson({ spec: manifest.spec, backends: manifest.backends }))
    .digest('hex');
  expectEqual(store, key, { what: 'hash of spec and backends', found: hash, expected: manifest.specHash });
  expectEqual(store, key, { what: 'specHash', found: manifest.specHash, expected: meta.specHash });
  expectEqual(store, key, { what: 'shards', found: manifest.shards, expected: meta.shards });
  expectEqual(store, key, { what: 'counts.tasks', found: manifest.counts?.tasks, expected: meta.tasks });
  return manifest;
}

/** The tasks of a wave after wave 0, or of one group of it. @throws MANIFEST_CORRUPT, STORE_NOT_FOUND */
export async function readWave(
  store: ObjectStore,
  job: JobId,
  { wave, group }: { readonly wave: number; readonly group?: number },
): Promise<readonly TaskId[]> {
  const key = waveKey(job, wave);
  const manifest = await readManifest<WaveManifest>(store, key, MANIFEST_SCHEMAS.wave);
  expectEqual(store, key, { what: 'wave', found: manifest.wave, expected: wave });
  if (!Array.isArray(manifest.tasks)) throw corrupt(store, key, 'tasks is not a list');
  const tasks = manifest.tasks.map((task) => asTaskId(String(task)));
  if (group === undefined) return tasks;
  const counts = (manifest.groups ?? []).map(({ count }) => count);
  if (!counts.every(isCount) || counts[group] === undefined) throw corrupt(store, key, `it has no group ${group}`);
  const first = counts.slice(0, group).reduce((sum, count) => sum + count, 0);
  return tasks.slice(first, first + counts[group]);
}

/** @throws MANIFEST_CORRUPT, STORE_NOT_FOUND */
export async function readTaskManifest(store: ObjectStore, job: JobId, task: TaskId): Promise<TaskManifest> {
  const key = taskManifestKey(job, task);
  const manifest = await readManifest<TaskManifest>(store, key, MANIFEST_SCHEMAS.task);
  expectEqual(store, key, { what: 'task', found: manifest.task, expected: task });
  expectEqual(store, key, { what: 'batch.key', found: manifest.batch?.key, expected: batchKey(job, task) });
  if (!/^[0-9a-f]{64}$/.test(manifest.batch.sha256)) throw corrupt(store, key, 'batch.sha256 is not a sha-256');
  if (!isCount(manifest.firstItem)) throw corrupt(store, key, `firstItem is ${JSON.stringify(manifest.firstItem)}`);
  if (!isCount(manifest.items) || manifest.items === 0)
    throw corrupt(store, key, `items is ${JSON.stringify(manifest.items)}`);
  const goodBad =
    Array.isArray(manifest.bad) && manifest.bad.every((bad) => isCount(bad?.line) && bad.line < manifest.items);
  if (!goodBad) throw corrupt(store, key, 'bad names lines that are not in the batch');
  return manifest;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

async function readManifest<T extends { readonly schema: string }>(
  store: ObjectStore,
  key: string,
  schema: T['schema'],
): Promise<T> {
  const bytes = await store.get(key);
  if (bytes === null)
    throw new AppError('STORE_NOT_FOUND', { message: `${store.url(key)} is missing`, details: { key } });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw corrupt(store, key, 'it is not JSON', error);
  }
  if (value === null || typeof value !== 'object') throw corrupt(store, key, 'it is not a JSON object');
  expectEqual(store, key, { what: 'schema', found: (value as Partial<T>).schema, expected: schema });
  return value as T;
}

function expectEqual(
  store: ObjectStore,
  key: string,
  values: { readonly what: string; readonly found: unknown; readonly expected: unknown },
): void {
  if (values.found === values.expected) return;
  const found = JSON.stringify(values.found) ?? 'nothing';
  throw corrupt(store, key, `${values.what} is ${found}, expected ${JSON.stringify(values.expected)}`);
}

const corrupt = (store: ObjectStore, key: string, what: string, cause?: unknown): AppError =>
  new AppError('MANIFEST_CORRUPT', { message: `${store.url(key)}: ${what}`, details: { key }, cause });
