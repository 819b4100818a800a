import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

import { errnoOf } from './fs-errno.ts';

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** A directory may be removed by a clean-up between its creation and its first file; this often in a row is not a race any more. */
const MAKE_ATTEMPTS = 5;

/** Opens a file that must not exist for writing, creating its directories (0700) when they are missing. */
export async function createFile(
  path: string,
  make: (directory: string) => Promise<void> = makeDirectory,
): Promise<FileHandle> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await open(path, 'wx', FILE_MODE);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || attempt === MAKE_ATTEMPTS) throw error;
      await make(dirname(path));
    }
  }
}

/** Creates a directory (0700) with those above it that are missing, all durable. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: DIRECTORY_MODE }).catch((error: unknown) =>
    realReason(error),
  );
  if (first === undefined) return;
  for (let parent = dirname(path); parent.length >= dirname(first).length; parent = dirname(parent)) {
    await syncDirectory(parent);
    if (parent === dirname(parent)) return;
  }
}

/** Node reports ENOENT for a recursive mkdir that found the disk full; trying the one directory tells what is the matter. */
async function realReason(error: unknown): Promise<undefined> {
  const { path } = error as { readonly path?: string };
  if (errnoOf(error) === 'ENOENT' && path !== undefined) await mkdir(path, { mode: DIRECTORY_MODE });
  throw error;
}

/** `makeDirectory` for callers that often want the same new directory at once, such as the files of one attempt: it is made once. */
export function createDirectoryMaker(): (path: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  return (path) => {
    const known = running.get(path);
    if (known !== undefined) return known;
    const making = makeDirectory(path).finally(() => running.delete(path));
    running.set(path, making);
    return making;
  };
}

/** Writes all of `bytes`, which one write call need not do. */
export async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done);
    done += bytesWritten;
  }
}

/**
 * Makes directory entries durable. Callers that ask for the same directory while a sync is running share the next one, so that many
 * small writes cost few syncs.
 */
export function createDirectorySync(): (directory: string) => Promise<void> {
  const queues = new Map<string, { running: Promise<void>; next: Promise<void> | null }>();

  const start = (directory: string): Promise<void> => {
    const running = syncDirectory(directory);
    const queue = { running, next: null };
    queues.set(directory, queue);
    const forget = (): void => {
      if (queues.get(directory) === queue && queue.next === null) queues.delete(directory);
    };
    running.then(forget, forget);
    return running;
  };

  return (directory) => {
    const queue = queues.get(directory);
    if (queue === undefined) return start(directory);
    const again = (): Promise<void> => start(directory);
    queue.next ??= queue.running.then(again, again);
    return queue.next;
  };
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot sync a directory; they make its entries durable as they are made.
    if (!['EINVAL', 'ENOTSUP', 'EBADF'].includes(errnoOf(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
