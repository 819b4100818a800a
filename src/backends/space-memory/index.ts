/** What was free, in a file of this user alone that is replaced in one step. Of two that look at the same time one is forgotten. */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ids } from '../../ports/random.ts';
import type { SpaceMemory } from '../../ports/space-memory.ts';
import { errnoOf } from '../shared/fs-errno.ts';
import { preparePrivateDirectory } from '../shared/private-directory.ts';
import { createPrivate, readOwn } from '../shared/private-file.ts';
import { MOST_BYTES, readHistory, writeHistory } from './history-file.ts';

export interface SpaceMemoryOptions {
  readonly directory: string;
  /** Names the host, whose file systems are meant. Letters and digits. */
  readonly key: string;
  /** Numeric id of this user. */
  readonly uid: number;
  readonly ids: Pick<Ids, 'token'>;
}

export function createSpaceMemory({ directory, key, uid, ids }: SpaceMemoryOptions): SpaceMemory {
  const path = join(directory, `space-${key}.json`);
  const isOurs = async (): Promise<boolean> => (await preparePrivateDirectory(directory, uid)) === null;
  return {
    async recall() {
      if (!(await isOurs())) return new Map();
      return readHistory((await quietly(readOwn(path, { uid, mostBytes: MOST_BYTES }))) ?? '');
    },
    async remember(history) {
      const text = writeHistory(history);
      if (text.length > MOST_BYTES || !(await isOurs())) return;
      const half = join(directory, `space-${key}.${ids.token(10)}.half`);
      await quietly(replaceBy(half, path, text));
    },
  };
}

async function replaceBy(half: string, path: string, text: string): Promise<void> {
  try {
    await createPrivate(half, text);
    await rename(half, path);
  } catch (error) {
    await rm(half, { force: true });
    throw error;
  }
}

/** Null where the file system does not let us. @throws what is a bug */
const quietly = <T>(work: Promise<T>): Promise<T | null> =>
  work.catch((error: unknown) => {
    if (errnoOf(error) === undefined) throw error;
    return null;
  });
