import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';

import type { Clock } from '../../ports/clock.ts';
import { isMissing } from '../shared/fs-errno.ts';
import { orMissing, stateError } from './fs-state-error.ts';

/** Paths read before others get their turn, and in flight at once when read asynchronously. */
const BATCH = 32;
/**
 * Where most calls take longer than this they are waiting for a network: reads in parallel win. Below it they come from memory, where a synchronous call
 * (some 10 µs) costs a tenth of what a promise does. Most of them, and not their mean: on a busy machine the process itself waits now and then, which
 * is no reason to make it busier.
 */
const REMOTE_CALL_MS = 0.25;

export interface BulkReader {
  /** Text of each file, null for missing ones, in the order asked for; a batch at a time. */
  readTexts(paths: readonly string[]): AsyncGenerator<readonly (string | null)[]>;
  /** Entries of each directory; none for missing ones. */
  readDirectories(paths: readonly string[]): AsyncGenerator<readonly (readonly string[])[]>;
}

/** Reads many small files fast on local disks and on network file systems, by measuring which of the two it has. */
export function createBulkReader(clock: Clock): BulkReader {
  async function* inBatches<T>(
    paths: readonly string[],
    now: (path: string) => T,
    later: (path: string) => Promise<T>,
  ): AsyncGenerator<readonly T[]> {
    // Asked anew each time: a disk that was busy once must not slow the process down for good.
    let remote = false;
    for (let index = 0; index < paths.length; index += BATCH) {
      const batch = paths.slice(index, index + BATCH);
      if (remote) {
        yield await Promise.all(batch.map(later));
        continue;
      }
      let slow = 0;
      let sinceMs = clock.monotonicMs();
      const results = batch.map((path) => {
        const result = now(path);
        const nowMs = clock.monotonicMs();
        if (nowMs - sinceMs > REMOTE_CALL_MS) slow += 1;
        sinceMs = nowMs;
        return result;
      });
      remote = batch.length >= BATCH / 2 && slow > batch.length / 2;
      // Timers and signals of the process get their turn between two synchronous batches.
      await new Promise((resolve) => setImmediate(resolve));
      yield results;
    }
  }

  return {
    readTexts: (paths) =>
      inBatches(
        paths,
        (path) => readNow(path, () => readFileSync(path, 'utf8')),
        (path) => orMissing(path, readFile(path, 'utf8')),
      ),
    readDirectories: (paths) =>
      inBatches(
        paths,
        (path) => readNow(path, () => readdirSync(path)) ?? [],
        async (path) => (await orMissing(path, readdir(path))) ?? [],
      ),
  };
}

function readNow<T>(path: string, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isMissing(error)) return null;
    throw stateError(error, path);
  }
}
