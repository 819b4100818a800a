import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { ObjectInfo } from '../../ports/object-store.ts';
import { compareBytes } from '../shared/fs-byte-order.ts';
import { isMissing } from '../shared/fs-errno.ts';
import { onStore, storeError } from './fs-store-error.ts';
import { TEMP_PREFIX } from './keys.ts';

const STATS_AT_ONCE = 32;

type Entry = { readonly key: string; readonly directory: boolean };

/**
 * Objects whose key starts with `prefix`, in byte order of keys; only directories that can hold such keys are read. A directory sorts
 * as its name plus `/`, which is how its keys compare with the files beside it. Symbolic links are not followed.
 */
export async function* listObjects(root: string, prefix: string): AsyncGenerator<ObjectInfo> {
  yield* listDirectory(root, prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix);
}

async function* listDirectory(root: string, directoryKey: string, prefix: string): AsyncGenerator<ObjectInfo> {
  const entries = await readEntries(root, directoryKey, prefix);
  for (let index = 0; index < entries.length;) {
    const entry = entries[index] as Entry;
    if (entry.directory) {
      yield* listDirectory(root, entry.key, prefix);
      index += 1;
      continue;
    }
    const files = filesFrom(entries, index);
    const infos = await Promise.all(files.map((file) => infoOf(root, file.key)));
    for (const info of infos) if (info !== null) yield info;
    index += files.length;
  }
}

/** The run of files that starts at `index`, as many as are looked at together. */
function filesFrom(entries: readonly Entry[], index: number): Entry[] {
  const files: Entry[] = [];
  for (const entry of entries.slice(index, index + STATS_AT_ONCE)) {
    if (entry.directory) break;
    files.push(entry);
  }
  return files;
}

async function readEntries(root: string, directoryKey: string, prefix: string): Promise<Entry[]> {
  const path = join(root, directoryKey);
  const entries: Entry[] = [];
  try {
    for (const child of await readdir(path, { withFileTypes: true })) {
      if (child.name.startsWith(TEMP_PREFIX) || !(child.isFile() || child.isDirectory())) continue;
      const key = directoryKey + child.name + (child.isDirectory() ? '/' : '');
      if (key.startsWith(prefix) || (child.isDirectory() && prefix.startsWith(key)))
        entries.push({ key, directory: child.isDirectory() });
    }
  } catch (error) {
    if (isMissing(error)) return [];
    throw storeError(error, path);
  }
  return entries.toSorted((a, b) => compareBytes(a.key, b.key));
}

/** Null when the object was deleted since its directory was read. */
export async function infoOf(root: string, key: string): Promise<ObjectInfo | null> {
  const path = join(root, key);
  const stats = await onStore(path, lstat(path).catch(nullIfMissing));
  return stats?.isFile() === true ? { key, bytes: stats.size } : null;
}

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}
