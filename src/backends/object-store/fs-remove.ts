import { lstat, readdir, rm, rmdir, unlink } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

import { errnoOf, isMissing } from '../shared/fs-errno.ts';
import { onStore, storeError } from './fs-store-error.ts';
import { TEMP_PREFIX } from './keys.ts';

const UNLINKS_AT_ONCE = 16;

/** Removes files; missing ones, and directories, which are not objects, are fine. */
export async function removeFiles(paths: readonly string[]): Promise<void> {
  for (let index = 0; index < paths.length; index += UNLINKS_AT_ONCE)
    await Promise.all(paths.slice(index, index + UNLINKS_AT_ONCE).map(removeFile));
}

async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isMissing(error) || errnoOf(error) === 'EISDIR') return false;
    throw storeError(error, path);
  }
}

/** Removes a directory with all in it, then its parents up to (not including) `root` as long as they are empty. */
export async function removeTree(root: string, path: string): Promise<void> {
  await onStore(path, rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }));
  for (let parent = dirname(path); parent.startsWith(root + sep); parent = dirname(parent))
    if (!(await removeIfEmpty(parent))) return;
}

async function removeIfEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (isMissing(error)) return true;
    if (['ENOTEMPTY', 'EEXIST', 'EBUSY'].includes(errnoOf(error) ?? '')) return false;
    throw storeError(error, directory);
  }
}

/** Removes temporary files below `path` that were last written before `beforeMs` (epoch ms). Returns how many. */
export async function removeStaleTemp(path: string, beforeMs: number): Promise<number> {
  let removed = 0;
  try {
    for (const child of await readdir(path, { withFileTypes: true })) {
      const childPath = join(path, child.name);
      if (child.isDirectory()) removed += await removeStaleTemp(childPath, beforeMs);
      else if (child.name.startsWith(TEMP_PREFIX) && (await lstat(childPath)).mtimeMs < beforeMs)
        removed += (await removeFile(childPath)) ? 1 : 0;
    }
  } catch (error) {
    if (!isMissing(error)) throw storeError(error, path);
  }
  return removed;
}
