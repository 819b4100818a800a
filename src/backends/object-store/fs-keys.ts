import { lstat, realpath } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';

import { AppError } from '../../errors/app-error.ts';
import { isMissing } from '../shared/fs-errno.ts';
import { storeError } from './fs-store-error.ts';
import { assertKey, assertPrefix, badKey } from './keys.ts';

/** Directories known to lie inside the root; forgotten all at once when there are this many. */
const MAX_REMEMBERED = 4_096;

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
