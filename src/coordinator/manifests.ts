/** Reads the manifests the coordinator relies on, and refuses what was edited, truncated or written by another version. */
import { createHash } from 'node:crypto';
import { AppError, messageOf } from '../errors/app-error.ts';
import { canonicalJson } from '../domain/canonical-json.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { jobManifestKey, jobRequestKey } from '../domain/keys.ts';
import { MANIFEST_SCHEMAS, type JobManifest, type JobRequest } from '../domain/manifest.ts';
import type { BackendUrls, JobSpec } from '../domain/job-spec.ts';
import type { ObjectStore } from '../ports/object-store.ts';

export const specHashOf = (spec: JobSpec, backends: BackendUrls): string =>
  createHash('sha256').update(canonicalJson({ spec, backends })).digest('hex');

/** @throws MANIFEST_CORRUPT, STORE_NOT_FOUND */
export async function readManifest(
  store: ObjectStore,
  job: JobId,
  meta: Pick<JobMeta, 'specHash'>,
): Promise<JobManifest> {
  const manifest = await readChecked<JobManifest>(store, jobManifestKey(job), MANIFEST_SCHEMAS.job);
  if (manifest.specHash !== meta.specHash)
    throw lies(store, jobManifestKey(job), 'belongs to another submission of this job');
  return manifest;
}

/** Null when the submit died before it was stored. @throws MANIFEST_CORRUPT */
export async function readRequest(store: ObjectStore, job: JobId): Promise<JobRequest | null> {
  if ((await store.head(jobRequestKey(job))) === null) return null;
  return readChecked<JobRequest>(store, jobRequestKey(job), MANIFEST_SCHEMAS.request);
}

async function readChecked<T extends JobRequest | JobManifest>(
  store: ObjectStore,
  key: string,
  schema: T['schema'],
): Promise<T> {
  const bytes = await store.get(key);
  if (bytes === null) throw new AppError('STORE_NOT_FOUND', { message: `${store.url(key)} is missing` });
  let parsed: T;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes)) as T;
  } catch (error) {
    throw lies(store, key, `is not JSON: ${messageOf(error).replaceAll(/\s+/g, ' ')}`);
  }
  if (parsed === null || typeof parsed !== 'object' || parsed.schema !== schema)
    throw lies(store, key, `has schema ${JSON.stringify(parsed?.schema)}, expected ${schema}`);
  if (specHashOf(parsed.spec, parsed.backends) !== parsed.specHash)
    throw lies(store, key, 'was edited: its specHash does not match');
  return parsed;
}

const lies = (store: ObjectStore, key: string, what: string): AppError =>
  new AppError('MANIFEST_CORRUPT', { message: `${store.url(key)} ${what}`, details: { key } });
