import type { LoadedJob } from '../aggregator/load-job.ts';
import type { TaskId } from '../domain/ids.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { readTaskManifest } from './item-ids.ts';

/** A batch beyond this is not worth reading for the sizes of its records. */
const MOST_BYTES = 32 * 1024 ** 2;
const NEWLINE = 0x0a;

/**
 * How large each item of a task is, in bytes: its record, or with `input: {files: …}` its file. Null when the batch is very large or cannot be read.
 * @throws STORE_UNAVAILABLE
 */
export async function itemBytesOf(store: ObjectStore, job: LoadedJob, task: TaskId): Promise<readonly number[] | null> {
  try {
    const { batch } = await readTaskManifest(store, job, task);
    const bytes = batch.bytes > MOST_BYTES ? null : await store.get(batch.key, { sha256: batch.sha256 });
    if (bytes === null) return null;
    return job.manifest.spec.input.kind === 'files' ? fileSizes(bytes) : lineSizes(bytes);
  } catch (error) {
    if (isAppError(error, 'STORE_NOT_FOUND') || isAppError(error, 'STORE_CORRUPT')) return null;
    throw error;
  }
}

function lineSizes(bytes: Uint8Array): number[] {
  const sizes: number[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, start);
    const next = end < 0 ? bytes.length : end;
    sizes.push(next - start);
    start = next + 1;
  }
  return sizes;
}

/** Such items are `{path, bytes}`, written by ourselves. */
const fileSizes = (batch: Uint8Array): number[] =>
  new TextDecoder()
    .decode(batch)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { readonly bytes?: number }).bytes ?? 0);
