import { createHash } from 'node:crypto';
import { taskIdOf, type JobId } from '../../domain/ids.ts';
import { batchKey, taskManifestKey } from '../../domain/keys.ts';
import { MANIFEST_SCHEMAS, type TaskManifest } from '../../domain/manifest.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { Batch } from './plan-batches.ts';

/** Enough to keep a disk or S3 busy while the next records are parsed. */
const WRITES_AT_ONCE = 16;
/** Batches waiting to be written; one larger than this goes alone. */
const BYTES_AT_ONCE = 64 * 1024 * 1024;

export interface BatchWriterOptions {
  readonly store: ObjectStore;
  readonly job: JobId;
  readonly signal?: AbortSignal | undefined;
}

export interface BatchWriter {
  /** Starts writing the next task's batch and manifest; resolves when there is room for another. @throws STORE_* of any earlier write */
  write(batch: Batch): Promise<void>;
  /** Waits for every write. The digest is `JobManifest.inputDigest`: sha-256 over the batches' hex sha-256 in task order. */
  finish(): Promise<string>;
  /** Waits until no write is under way, whatever became of it, so that the caller can clean up behind it. */
  settle(): Promise<void>;
  /** Tasks begun. */
  tasks(): number;
}

interface Pending {
  readonly bytes: number;
  readonly sha256: Promise<string>;
}

/** Writes batches concurrently and takes their hashes in task order. */
export function createBatchWriter({ store, job, signal }: BatchWriterOptions): BatchWriter {
  const digest = createHash('sha256');
  const pending: Pending[] = [];
  let pendingBytes = 0;
  let tasks = 0;

  const takeOldest = async (): Promise<void> => {
    const oldest = pending[0] as Pending;
    digest.update(await oldest.sha256);
    pending.shift();
    pendingBytes -= oldest.bytes;
  };

  const put = async (batch: Batch, number: number): Promise<string> => {
    const task = taskIdOf(number);
    const stored = await store.put(batchKey(job, task), joined(batch), signal);
    const manifest: TaskManifest = {
      schema: MANIFEST_SCHEMAS.task,
      task,
      batch: { key: stored.key, sha256: stored.sha256, bytes: stored.bytes },
      firstItem: batch.firstItem,
      items: batch.items,
      bad: batch.bad,
    };
    await store.put(taskManifestKey(job, task), `${JSON.stringify(manifest)}\n`, signal);
    return stored.sha256;
  };

  return {
    async write(batch) {
      while (pending.length >= WRITES_AT_ONCE || (pending.length > 0 && pendingBytes + batch.bytes > BYTES_AT_ONCE))
        await takeOldest();
      const sha256 = put(batch, tasks);
      // Awaited later, in order; until then a failure must not count as unhandled.
      sha256.catch(() => undefined);
      tasks += 1;
      pendingBytes += batch.bytes;
      pending.push({ bytes: batch.bytes, sha256 });
    },
    async finish() {
      while (pending.length > 0) await takeOldest();
      return digest.digest('hex');
    },
    async settle() {
      await Promise.allSettled(pending.map(({ sha256 }) => sha256));
    },
    tasks: () => tasks,
  };
}

/** One contiguous body: most batches lie inside one chunk of the input and are not copied at all. */
function joined({ pieces, bytes }: Batch): Uint8Array {
  if (pieces.length === 1) return pieces[0] as Uint8Array;
  const body = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}
