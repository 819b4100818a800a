import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { ObjectBody, ObjectStore, StoredObject } from '../../ports/object-store.ts';
import type { Ids } from '../../ports/random.ts';
import { createDirectoryMaker, createDirectorySync } from '../shared/fs-directory.ts';
import { createKeyPlaces } from './fs-keys.ts';
import { infoOf, listObjects } from './fs-list.ts';
import { readLocalFile, writeLocalFile } from './fs-local-copy.ts';
import { publishFile } from './fs-publish.ts';
import { createReads } from './fs-read.ts';
import { removeFiles, removeStaleTemp, removeTree } from './fs-remove.ts';
import { onStore } from './fs-store-error.ts';
import { badKey } from './keys.ts';

/** The fs store can also clean up after writers that were killed. */
export interface FsObjectStore extends ObjectStore {
  /** Removes half-written files under `prefix` last touched before `beforeMs` (epoch ms); returns how many. */
  removeStaleTemp(prefix: string, beforeMs: number): Promise<number>;
}

/**
 * Objects as plain files: the key is the path below `root`, so `ls` and other programs see them as they are.
 *
 * A write goes to `.put-<nonce>` beside its object, is synced, renamed over it, and the directory is synced (shared between concurrent
 * writers). Temporary files lie beside their object rather than in one place, so that renames stay within a directory (cheap on Lustre
 * and NFS, no hot directory) and `deletePrefix` takes them along; `list` never shows them and no key may name them.
 *
 * Keys cannot leave the root: `..`, a leading `/`, control characters and empty segments are refused, and so is a key whose directory
 * leads out of the root through a symbolic link. Links that stay inside are followed on the way, but a link is never itself an object
 * and `list` does not enter one. Directories are 0700, files 0600.
 *
 * Never: reads or writes anything outside `root` except the local file of `putFile` and `getFile`.
 * Fails with STORE_BAD_KEY, STORE_FULL, STORE_DENIED, STORE_UNAVAILABLE, STORE_NOT_FOUND, STORE_CORRUPT; SCRATCH_FULL for the local file.
 */
export function createFsObjectStore(options: { readonly root: string; readonly ids: Ids }): FsObjectStore {
  const root = resolve(options.root);
  const places = createKeyPlaces(root);
  const reads = createReads(places);
  const syncDirectory = createDirectorySync();
  const makeDirectory = createDirectoryMaker();

  const put = async (key: string, body: ObjectBody, signal?: AbortSignal): Promise<StoredObject> => {
    signal?.throwIfAborted();
    const path = await places.object(key);
    const written = await publishFile(path, body, { nonce: options.ids.token(16), signal, makeDirectory });
    await onStore(path, syncDirectory(dirname(path)));
    return { key, ...written };
  };

  return {
    ...reads,
    rootUrl: pathToFileURL(root).href,
    put,
    putFile: (key, path, signal) => put(key, readLocalFile(path), signal),
    getFile: (key, path, readOptions) => writeLocalFile(path, options.ids.token(16), reads.stream(key, readOptions)),
    async head(key) {
      await places.object(key);
      return await infoOf(root, key);
    },
    async *list(prefix) {
      await places.prefix(prefix);
      yield* listObjects(root, prefix);
    },
    async delete(keys) {
      await removeFiles(await Promise.all(keys.map((key) => places.object(key))));
    },
    async deletePrefix(prefix) {
      if (!prefix.endsWith('/')) throw badKey(prefix, 'does not end in "/", as a prefix to delete must');
      await removeTree(root, await places.prefix(prefix));
    },
    url: (key) => pathToFileURL(places.unvisited(key)).href,
    localPath: (key) => places.unvisited(key),
    removeStaleTemp: async (prefix, beforeMs) => await removeStaleTemp(await places.prefix(prefix), beforeMs),
  };
}
