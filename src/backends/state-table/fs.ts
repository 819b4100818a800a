import { statfsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { StateKey } from '../../domain/state-keys.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import type { StateTable } from '../../ports/state-table.ts';
import { createDirectorySync, makeDirectory } from '../shared/fs-directory.ts';
import { troubleOf } from '../shared/fs-errno.ts';
import { fileSystemOf } from '../shared/fs-magic.ts';
import { advanceItem } from './fs-advance.ts';
import { createBulkReader } from './fs-bulk-read.ts';
import { contend } from './fs-contend.ts';
import { createMany } from './fs-create-many.ts';
import { createFsTime } from './fs-time.ts';
import { isPresent, readHead, type TableContext } from './fs-head.ts';
import { partitionDirectory, placeOf } from './fs-item-files.ts';
import { queryPartition } from './fs-query.ts';
import { onState, orMissing, stateError } from './fs-state-error.ts';
import { applyChange, evaluate } from './operation-tree.ts';

/** Partitions on their way out, and files written for their time; no partition's directory can have this name, which is not two hex digits. */
const TRASH = '.trash';

/**
 * State items as small JSON files, safe for many hosts on a shared POSIX file system with nothing but exclusive create, link and
 * rename: no locks, so nothing is left locked by a process that was killed.
 *
 * Files of an item, all in `<root>/<2 hex>/<partition>/<2 hex>/`, each name starting with the encoded sort key:
 * - `<sort>+` the anchor: made once by link(2), never removed. Whoever makes it has created the item.
 * - `<sort>@<version>.<nonce>` the head: exactly one. Its *name* says which version is current; it is an empty promise otherwise (its
 *   content is the item as it was created, being another link to the anchor's file).
 * - `<sort>=<version>.<nonce>` data: the complete item at that version (version 0 is read from the head itself).
 * - `<sort>~<nonce>` provisional: a creation under way.
 *
 * A write reads the head, evaluates the condition, writes and syncs the data of version v+1 under a new nonce, and renames
 * `@v.<nonce>` to `@v+1.<new nonce>`. Why this is a compare-and-swap:
 * - The source name of a rename exists at most once in the life of the table: the version only grows, and each version is reached by
 *   one rename. So of all writers that read version v one finds the name, and all others get ENOENT, however late they come. A writer
 *   that slept while the item moved on cannot bring anything back (with numbered files and link(2) it could, once old numbers were
 *   removed).
 * - Creation has no source name to consume, so it has the anchor, which stays. Of many creators one makes the anchor; it then renames
 *   its provisional file to `@0.<nonce>`. Should it die before that, the anchor's content names the nonce and the next reader does it;
 *   that name too exists once.
 * - Deleting writes a version whose item is null. The anchor stays, for the reason above; a partition goes as a whole.
 * Readers see a complete file or none: data is complete and synced before any head names it. A directory may be read while a head moves,
 * showing both names (the higher one is taken), or neither (the anchor tells that there is an item; look again). Data that vanished
 * between the two reads was superseded: look again. So nothing depends on a directory listing being a snapshot.
 *
 * Lost answers: network file systems repeat a request whose answer was lost, and the repetition reports ENOENT or EEXIST for what the
 * first one did. A writer that is told so there looks whether its nonce is in the `trail` of the head, the nonces of the last 32 writers;
 * when the item has moved on further than that it answers STATE_UNCERTAIN. On file systems known to be local ENOENT is the truth.
 *
 * Cleaning up: data of version ≤ v that is not the head's, once a head of version v was seen, can never become current, because the
 * name its writer would have to rename is gone for good; nor can a provisional file once there is a head. Each write removes those, so
 * what killed writers leave is bounded by the writes under way at the time. After the rename the directory is synced before the old data
 * goes, so that a power failure leaves the old version or the new one.
 *
 * Cost: an item has one inode when created and two once changed. On NFS this needs close-to-open consistency (not the `nocto` mount
 * option), as a fresh listing of a directory is what makes the newest version visible.
 *
 * Never: waits for a lock, reads or writes outside `root`. Fails with STATE_UNAVAILABLE, STATE_FULL, STATE_DENIED, STATE_UNCERTAIN,
 * STATE_CORRUPT; wrong use (see operation-tree.ts) is a plain Error.
 */
export function createFsStateTable(options: {
  readonly root: string;
  readonly ids: Ids;
  readonly clock: Clock;
  /** Default true; false only where a power failure may take the latest writes along. */
  readonly fsync?: boolean;
  /** The file system of a path; replaced in tests. */
  readonly statfs?: (path: string) => { readonly type: number };
}): StateTable {
  const { ids, clock, fsync = true, statfs = statfsSync } = options;
  const root = resolve(options.root);
  const syncDirectory = fsync ? createDirectorySync() : async (): Promise<void> => {};
  const time = createFsTime({ clock, ids, directory: join(root, TRASH) });
  const context: TableContext = {
    root,
    ids,
    clock,
    fsync,
    syncDirectory,
    noteWritten: time.noteWritten,
    repeatsRequests: () => !isLocal(root, statfs),
  };
  const reader = createBulkReader(clock);
  const nameOf = (key: StateKey): string => `${key.partition}/${key.sort}`;

  return {
    rootUrl: pathToFileURL(root).href,
    sharedTime: time.sharedTime,
    async get(key) {
      const head = await readHead(context, placeOf(root, key));
      return isPresent(head) ? head.item : null;
    },
    query: (partition, prefix = '') => queryPartition(context, reader, partition, prefix),
    async write(key, change, when) {
      const place = placeOf(root, key);
      return await contend(clock, ids, nameOf(key), async () => {
        const head = await readHead(context, place);
        const current = isPresent(head) ? head.item : null;
        if (!evaluate(when, current)) return { applied: false, current } as const;
        const item = applyChange(current, change);
        return (await advanceItem(context, place, head, item)) ? ({ applied: true, item } as const) : null;
      });
    },
    createMany: (items) => createMany(context, items, (attempt) => contend(clock, ids, 'of a bulk creation', attempt)),
    deletePartition: (partition) => deletePartition(context, partition),
    async deleteItem(key) {
      const place = placeOf(root, key);
      await contend(clock, ids, nameOf(key), async () => {
        const head = await readHead(context, place);
        if (!isPresent(head)) return true;
        return (await advanceItem(context, place, head, null)) ? true : null;
      });
    },
  };
}

/** False when in doubt. */
function isLocal(root: string, statfs: (path: string) => { readonly type: number }): boolean {
  try {
    return fileSystemOf(statfs(root).type).kind === 'local';
  } catch {
    return false;
  }
}

/** The partition goes in one rename, so that nobody meets half of it; its files follow, as do those of a deletion that was killed. */
async function deletePartition(context: TableContext, partition: string): Promise<void> {
  const directory = partitionDirectory(context.root, partition);
  const trash = join(context.root, TRASH);
  try {
    await makeDirectory(trash);
  } catch (error) {
    // Removing things is the way out of a full disk, so it must not need space: then the files go one by one.
    if (troubleOf(error) !== 'full') throw stateError(error, trash);
    await onState(directory, rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }));
    return;
  }
  await orMissing(directory, rename(directory, join(trash, context.ids.token(16))));
  for (const name of await onState(trash, readdir(trash)))
    await onState(trash, rm(join(trash, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }));
}
