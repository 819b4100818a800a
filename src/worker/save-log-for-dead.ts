import { attemptLogKey, logChunkKey, logChunksPrefix } from '../domain/keys.ts';
import { redactingReplacer } from '../domain/redact.ts';
import type { BeaconTask } from '../ports/beacon.ts';
import type { LogFiles } from '../ports/log-file.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Somewhat more than the most that `logs.size` allows. */
const MOST_BYTES = 72 * 1024 ** 2;

export interface LastLine {
  readonly nowMs: number;
  readonly node: string;
  readonly cause: string;
  readonly detail: string;
}

interface SaveOptions {
  readonly store: ObjectStore;
  readonly logFiles: Pick<LogFiles, 'read'>;
  /** Ends what takes too long. */
  readonly signal?: AbortSignal;
}

/**
 * Stores the log that a dead worker left on the node, with a last line about its end. Where the node holds less than the parts that are stored already, because its
 * disk was full or the file is gone, the last line becomes a part after them: what is in the store is never hidden by something shorter. False: nothing was left, or
 * the worker had stored it itself, and its commit may name that object. @throws STORE_*
 */
export async function saveLogForDead(
  { store, logFiles, signal }: SaveOptions,
  { job, task, attempt, logPath }: BeaconTask,
  { nowMs, ...end }: LastLine,
): Promise<boolean> {
  if (logPath === undefined) return false;
  const time = new Date(nowMs).toISOString();
  const line = { time, level: 'error', msg: 'the worker died', job, task, attempt, ...end };
  const last = `${JSON.stringify(line, redactingReplacer)}\n`;
  const parts = await storedParts(store, logChunksPrefix(job, task, attempt));
  const key = attemptLogKey(job, task, attempt);
  if ((await store.head(key)) !== null) return false;
  const written = logFiles.read(logPath, MOST_BYTES) ?? '';
  // Both are the beginning of the same lines, so the longer one holds the other.
  if (Buffer.byteLength(written) < parts.bytes) {
    // One number stays free: a part that the worker was sending when it died may still arrive.
    await store.put(logChunkKey(job, task, attempt, parts.lastSeq + 2), last, signal);
    return true;
  }
  await store.put(key, written + last, signal);
  if (parts.keys.length > 0) await store.delete(parts.keys);
  return true;
}

interface StoredParts {
  readonly keys: readonly string[];
  readonly bytes: number;
  /** 0: there are none. */
  readonly lastSeq: number;
}

async function storedParts(store: ObjectStore, prefix: string): Promise<StoredParts> {
  const keys: string[] = [];
  let bytes = 0;
  for await (const part of store.list(prefix)) {
    keys.push(part.key);
    bytes += part.bytes;
  }
  const lastSeq = Number.parseInt(keys.at(-1)?.slice(prefix.length) ?? '0', 10);
  return { keys, bytes, lastSeq };
}
