import { type FileHandle, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

import { AppError } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import type { StateItem } from '../../ports/state-table.ts';
import {
  anchorName,
  dataName,
  headName,
  provisionalName,
  supersededBy,
  viewsOf,
  type ItemPlace,
} from './fs-item-files.ts';
import { orMissing } from './fs-state-error.ts';

/** What the parts of the driver share. */
export interface TableContext {
  readonly root: string;
  readonly ids: Ids;
  readonly clock: Clock;
  /** False: files are not synced, so a power failure (not a killed process) may lose or tear the latest writes. */
  readonly fsync: boolean;
  /** True where a rename that reports ENOENT may have been made all the same: see "Lost answers" in fs.ts. */
  readonly repeatsRequests: () => boolean;
  /** Learns the time from a file that was written since the monotonic moment `sinceMs`. Never fails. */
  readonly noteWritten: (file: FileHandle, sinceMs: number) => Promise<void>;
  /** Makes the entries of a directory durable; nothing when `fsync` is off. */
  readonly syncDirectory: (directory: string) => Promise<void>;
}

/** Content of an item file. `item` is null for a deleted item, `trail` the nonces of the latest writers, the own one last. */
export interface StoredItem {
  readonly partition: string;
  readonly sort: string;
  readonly version: number;
  readonly trail: readonly string[];
  readonly item: StateItem | null;
}

export interface Head extends StoredItem {
  readonly nonce: string;
  /** Names of files in the item's directory that nobody needs any more. */
  readonly superseded: readonly string[];
}

/** Looks in a row that end without an answer before the item counts as damaged, when nothing about it changes meanwhile. */
const MAX_LOOKS = 60;
/** Looks made at once; a moving head is caught by then. */
const EAGER_LOOKS = 8;
const LOOK_PAUSE_MS = 5;

/** The newest version of the item; null when it was never created. @throws STATE_CORRUPT, STATE_UNAVAILABLE */
export async function readHead(context: TableContext, place: ItemPlace): Promise<Head | null> {
  let last = '';
  for (let look = 1; look <= MAX_LOOKS; look += 1) {
    const names = (await orMissing(place.directory, readdir(place.directory))) ?? [];
    const view = viewsOf(names, place.name).get(place.name);
    if (view === undefined || (!view.exists && view.head === null)) return null;
    if (view.head !== null) {
      const { version, nonce } = view.head;
      const stored = await readStored(join(place.directory, dataName(place.name, version, nonce)));
      if (stored !== null) return { ...stored, version, nonce, superseded: supersededBy(view, place.name) };
    } else if (look > 1) {
      await finishCreation(place);
    }
    const seen = JSON.stringify(view.head);
    if (seen !== last) look = Math.min(look, EAGER_LOOKS);
    last = seen;
    if (look > EAGER_LOOKS) await context.clock.sleep(LOOK_PAUSE_MS);
  }
  throw new AppError('STATE_CORRUPT', {
    message: `state item ${place.key.sort} of ${place.key.partition} has lost files: see ${place.directory}/${place.name}*`,
  });
}

/** The creator of an item may die between its anchor and its head; whoever comes by finishes for it. */
async function finishCreation(place: ItemPlace): Promise<void> {
  const anchor = await readStored(join(place.directory, anchorName(place.name)));
  const nonce = anchor?.trail[0];
  if (nonce === undefined) return;
  const provisional = join(place.directory, provisionalName(place.name, nonce));
  await orMissing(provisional, rename(provisional, join(place.directory, headName(place.name, 0, nonce))));
}

/** Null when the file does not exist (any more). @throws STATE_CORRUPT */
export async function readStored(path: string): Promise<StoredItem | null> {
  const text = await orMissing(path, readFile(path, 'utf8'));
  return text === null ? null : parseStored(text, path);
}

/** @throws STATE_CORRUPT */
export function parseStored(text: string, path: string): StoredItem {
  try {
    const stored: unknown = JSON.parse(text);
    if (isStored(stored)) return stored;
  } catch {
    // Said below, with the path.
  }
  throw new AppError('STATE_CORRUPT', { message: `${path} is not a state item (${text.length} characters)` });
}

function isStored(value: unknown): value is StoredItem {
  if (typeof value !== 'object' || value === null) return false;
  const { partition, sort, version, trail, item } = value as Record<string, unknown>;
  const named = typeof partition === 'string' && typeof sort === 'string';
  return named && typeof version === 'number' && Array.isArray(trail) && typeof item === 'object';
}

export const isPresent = (head: Head | null): head is Head & { item: StateItem } => head !== null && head.item !== null;
