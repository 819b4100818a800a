import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';

import { AppError } from '../../errors/app-error.ts';
import { isMissing } from '../shared/fs-errno.ts';
import { storeError } from './fs-store-error.ts';

/** Files being written carry this prefix in the directory of their object; no key may. */
export const TEMP_PREFIX = '.put-';
const MAX_KEY_BYTES = 1_024;
const MAX_SEGMENT_BYTES = 255;
/** Directories known to lie inside the root; forgotten all at once when there are this many. */
const MAX_REMEMBERED = 4_096;

/** @throws STORE_BAD_KEY for a key that is malformed or would leave the store. */
function assertKey(key: string): void {
  const why = faultOf(key) ?? (key.endsWith('/') || key === '' ? 'has an empty segment' : null);
  if (why !== null) throw badKey(key, why);
}

/** Like a key, but may be empty or end anywhere, also in `/`. */
function assertPrefix(prefix: string): void {
  const why = faultOf(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);
  if (prefix !== '' && why !== null) throw badKey(prefix, why);
}

export const badKey = (key: string, why: string): AppError =>
  new AppError('STORE_BAD_KEY', { message: `object key ${JSON.stringify(key)} ${why}` });

function faultOf(key: string): string | null {
  if (key.startsWith('/')) return 'starts with "/"';
  if (/\p{Surrogate}/u.test(key)) return 'is not valid Unicode';
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(key)) return 'has a control character';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  const segments = key.split('/');
  for (const [index, segment] of segments.entries()) {
    if (segment === '..' || segment === '.') return `has the segment "${segment}"`;
    if (segment === '' && index < segments.length - 1) return 'has an empty segment';
    if (segment.startsWith(TEMP_PREFIX)) return `has a segment that starts with "${TEMP_PREFIX}"`;
    if (Buffer.byteLength(segment) > MAX_SEGMENT_BYTES) return `has a segment longer than ${MAX_SEGMENT_BYTES} bytes`;
  }
  return null;
}

/**
 * Checks that directories lie inside the root after symbolic links are followed. The root itself may be a link. A check is remembered:
 * a link planted later by somebody who may already write inside the root is not what this guards against, a mislaid one is.
 */
function createRootGuard(root: string): (directory: string, key: string) => Promise<void> {
  const inside = new Set<string>();
  return async (directory, key) => {
    for (const path of unknownAbove(directory, (known) => known === root || inside.has(known))) {
      const kind = await kindOf(path);
      // What is created there will be a directory, not a link.
      if (kind === 'missing') return;
      if (kind === 'link' && !(await leadsInside(path, root, key))) return;
      if (inside.size >= MAX_REMEMBERED) inside.clear();
      inside.add(path);
    }
  };
}

/** `directory` and those above it that are not known, the highest first. */
function unknownAbove(directory: string, isKnown: (path: string) => boolean): string[] {
  const paths: string[] = [];
  for (let path = directory; !isKnown(path); path = dirname(path)) paths.unshift(path);
  return paths;
}

async function kindOf(path: string): Promise<'missing' | 'link' | 'other'> {
  try {
    return (await lstat(path)).isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw storeError(error, path);
  }
}

/** False for a link that leads nowhere. @throws STORE_BAD_KEY when it leads out of the root */
async function leadsInside(path: string, root: string, key: string): Promise<boolean> {
  try {
    const [real, realRoot] = await Promise.all([realpath(path), realpath(root)]);
    if (real === realRoot || real.startsWith(realRoot + sep)) return true;
    throw badKey(key, `leads out of the store through a symbolic link to ${real}`);
  } catch (error) {
    if (isMissing(error)) return false;
    throw error instanceof AppError ? error : storeError(error, path);
  }
}

export interface KeyPlaces {
  /** Path of a key's file. @throws STORE_BAD_KEY */
  object(key: string): Promise<string>;
  /** Path of the directory that holds every key with this prefix. @throws STORE_BAD_KEY */
  prefix(prefix: string): Promise<string>;
  /** Path of a key's file, without looking for symbolic links on the way. @throws STORE_BAD_KEY */
  unvisited(key: string): string;
}

export function createKeyPlaces(root: string): KeyPlaces {
  const guard = createRootGuard(root);
  const unvisited = (key: string): string => {
    assertKey(key);
    return join(root, key);
  };
  return {
    unvisited,
    async object(key) {
      const path = unvisited(key);
      await guard(dirname(path), key);
      return path;
    },
    async prefix(prefix) {
      assertPrefix(prefix);
      const path = resolve(root, prefix.slice(0, prefix.lastIndexOf('/') + 1));
      await guard(path, prefix);
      return path;
    },
  };
}
