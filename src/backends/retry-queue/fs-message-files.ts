import { readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { AppError, messageOf } from '../../errors/app-error.ts';
import { createFile, makeDirectory } from '../shared/fs-directory.ts';
import { isMissing } from '../shared/fs-errno.ts';
import { fileNameOf, parseFileName, type QueuedMessage } from './fs-message-names.ts';

/** One directory of messages. */
export interface MessageFiles {
  readonly directory: string;
  /** In the order of their visibility. */
  all(): Promise<QueuedMessage[]>;
  add(queued: QueuedMessage): Promise<void>;
  /** Gives a message another name, here or in another directory; false when somebody else did so first. */
  change(from: QueuedMessage, to: QueuedMessage, into?: MessageFiles): Promise<boolean>;
  remove(queued: QueuedMessage): Promise<void>;
}

/** Every function throws QUEUE_UNAVAILABLE. */
export function createMessageFiles(directory: string): MessageFiles {
  const pathOf = (queued: QueuedMessage): string => join(directory, fileNameOf(queued));
  return {
    directory,
    async all() {
      const names = (await orMissing(directory, readdir(directory))) ?? [];
      return names
        .sort()
        .map(parseFileName)
        .filter((queued) => queued !== null);
    },
    async add(queued) {
      const created = createFile(pathOf(queued)).then((file) => file.close());
      await onQueue(pathOf(queued), created);
    },
    async change(from, to, into) {
      if (into !== undefined) await onQueue(into.directory, makeDirectory(into.directory));
      const target = join(into?.directory ?? directory, fileNameOf(to));
      const moved = rename(pathOf(from), target).then(() => true);
      return (await orMissing(pathOf(from), moved)) ?? false;
    },
    async remove(queued) {
      await orMissing(pathOf(queued), unlink(pathOf(queued)));
    },
  };
}

async function onQueue<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new AppError('QUEUE_UNAVAILABLE', { message: `${path}: ${messageOf(error)}`, cause: error });
  }
}

/** Like `onQueue`, with null for a path that does not exist. */
const orMissing = <T>(path: string, call: Promise<T>): Promise<T | null> => onQueue(path, call.catch(nullIfMissing));

function nullIfMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}
