import { link, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { isAppError } from '../../errors/app-error.ts';
import type { StateItem } from '../../ports/state-table.ts';
import { createFile, writeAll } from '../shared/fs-directory.ts';
import { errnoOf, isMissing } from '../shared/fs-errno.ts';
import { readHead, readStored, type Head, type StoredItem, type TableContext } from './fs-head.ts';
import { anchorName, dataName, headName, provisionalName, type ItemPlace } from './fs-item-files.ts';
import { onState, stateError, uncertain } from './fs-state-error.ts';

/** 40 bits; two writes of the same version must differ, no others. */
const NONCE_LENGTH = 8;
/** Writers remembered in an item: how far it may move on while somebody wonders whether a write was applied. */
const TRAIL_LENGTH = 32;
/** DynamoDB's limit, kept here so that nothing works on one driver only. */
const MAX_BYTES = 400_000;

/**
 * Makes `item` (null: deleted) the successor of `head` (null: the item was never created). False when somebody else was faster, and
 * nothing was written. @throws STATE_UNCERTAIN, STATE_FULL, STATE_DENIED, STATE_UNAVAILABLE
 */
export async function advanceItem(
  context: TableContext,
  place: ItemPlace,
  head: Head | null,
  item: StateItem | null,
): Promise<boolean> {
  const nonce = context.ids.token(NONCE_LENGTH);
  const trail = [...(head?.trail ?? []).slice(1 - TRAIL_LENGTH), nonce];
  const stored: StoredItem = { ...place.key, version: head === null ? 0 : head.version + 1, trail, item };
  return head === null ? await create(context, place, stored) : await replace(context, place, head, stored);
}

async function create(context: TableContext, place: ItemPlace, stored: StoredItem): Promise<boolean> {
  const nonce = stored.trail[0] as string;
  const provisional = join(place.directory, provisionalName(place.name, nonce));
  const anchor = join(place.directory, anchorName(place.name));
  await writeFile(context, provisional, stored);
  try {
    await link(provisional, anchor);
  } catch (error) {
    if (!(await createdBy(anchor, nonce, error))) {
      await discard(provisional);
      if (errnoOf(error) === 'EEXIST' || isMissing(error)) return false;
      throw stateError(error, anchor);
    }
  }
  // The anchor decided. Should this fail, whoever reads the item next does it again.
  await rename(provisional, join(place.directory, headName(place.name, 0, nonce))).catch(() => {});
  await makeDurable(context, place);
  return true;
}

/** A link that failed may have been made all the same: network file systems repeat requests whose answer was lost. */
async function createdBy(anchor: string, nonce: string, cause: unknown): Promise<boolean> {
  try {
    return (await readStored(anchor))?.trail[0] === nonce;
  } catch (error) {
    if (isAppError(error, 'STATE_CORRUPT')) throw error;
    throw uncertain(anchor, cause);
  }
}

async function replace(context: TableContext, place: ItemPlace, head: Head, stored: StoredItem): Promise<boolean> {
  const nonce = stored.trail.at(-1) as string;
  const data = join(place.directory, dataName(place.name, stored.version, nonce));
  const oldHead = join(place.directory, headName(place.name, head.version, head.nonce));
  const newHead = join(place.directory, headName(place.name, stored.version, nonce));
  await writeFile(context, data, stored);
  try {
    await rename(oldHead, newHead);
  } catch (error) {
    const decided = isMissing(error) && !context.repeatsRequests();
    if (decided || !(await replacedBy(context, place, { version: stored.version, nonce, data, cause: error }))) {
      await discard(data);
      if (isMissing(error)) return false;
      throw stateError(error, oldHead);
    }
  }
  await makeDurable(context, place);
  const outdated = head.version === 0 ? [] : [dataName(place.name, head.version, head.nonce)];
  await Promise.all([...head.superseded, ...outdated].map((name) => discard(join(place.directory, name))));
  return true;
}

/** Was the write applied although its rename reported an error? The trail of the present head tells. */
async function replacedBy(
  context: TableContext,
  place: ItemPlace,
  write: { readonly version: number; readonly nonce: string; readonly data: string; readonly cause: unknown },
): Promise<boolean> {
  let head: Head | null;
  try {
    head = await readHead(context, place);
  } catch (error) {
    if (isAppError(error, 'STATE_CORRUPT')) throw error;
    throw uncertain(write.data, write.cause);
  }
  if (head === null || head.version < write.version) return false;
  const writer = head.trail.at(write.version - head.version - 1);
  if (writer === undefined) throw uncertain(write.data, write.cause);
  return writer === write.nonce;
}

async function writeFile(context: TableContext, path: string, stored: StoredItem): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(stored));
  if (bytes.byteLength > MAX_BYTES)
    throw new Error(`state item ${path} has ${bytes.byteLength} bytes, more than ${MAX_BYTES}`);
  const sinceMs = context.clock.monotonicMs();
  const file = await onState(path, createFile(path));
  try {
    await writeAll(file, bytes);
    if (context.fsync) await file.sync();
    await context.noteWritten(file, sinceMs);
    await file.close();
  } catch (error) {
    await file.close().catch(() => {});
    await discard(path);
    throw stateError(error, path);
  }
}

async function makeDurable(context: TableContext, place: ItemPlace): Promise<void> {
  try {
    await context.syncDirectory(place.directory);
  } catch (error) {
    throw uncertain(join(place.directory, place.name), error);
  }
}

/** Removes a file nobody needs. What stays behind costs an inode until the next write of the item, never correctness. */
async function discard(path: string): Promise<void> {
  await unlink(path).catch(() => {});
}
