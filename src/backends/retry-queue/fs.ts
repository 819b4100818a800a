import { readdir, rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { AppError, messageOf } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import {
  MAX_QUEUE_DELAY_MS,
  MAX_RECEIVES,
  type ReceivedMessage,
  type RetryMessage,
  type RetryQueue,
} from '../../ports/retry-queue.ts';
import { createFile, makeDirectory } from '../shared/fs-directory.ts';
import { isMissing } from '../shared/fs-errno.ts';
import { fileNameOf, parseFileName, receiptOf, type QueuedMessage } from './fs-message-names.ts';

const NONCE_LENGTH = 10;

/**
 * The retry queue as empty files whose names say everything: `messages/<visible at>.<receives>.<nonce>.<message>`, and `dead/` for the
 * same names after MAX_RECEIVES.
 *
 * Receiving renames a visible message to a name with a later time, one more receive and a new nonce. The old name exists once, so one
 * of many receivers gets it. A receiver that dies needs no clean-up: its message becomes visible when the time in its name has come,
 * by the clock of whoever looks, which is as exact as hints need. The receipt is the name without the time, so `extend` changes the time
 * and keeps the receipt, and the next receive makes it void.
 *
 * Not synced: a power failure may lose messages, which costs time only. Fails with QUEUE_UNAVAILABLE.
 */
export function createFsRetryQueue(options: {
  readonly root: string;
  readonly ids: Ids;
  readonly clock: Clock;
}): RetryQueue {
  const root = resolve(options.root);
  const messages = join(root, 'messages');
  const dead = join(root, 'dead');
  const { ids, clock } = options;

  const find = async (receipts: readonly string[]): Promise<QueuedMessage[]> => {
    const wanted = new Set(receipts);
    const nowMs = clock.nowMs();
    const all = await readMessages(messages);
    return all.filter((queued) => queued.visibleAtMs > nowMs && wanted.has(receiptOf(queued)));
  };
  const bury = async (queued: QueuedMessage): Promise<void> => {
    await onQueue(dead, makeDirectory(dead));
    await move(join(messages, fileNameOf(queued)), join(dead, fileNameOf(queued)));
  };

  return {
    rootUrl: pathToFileURL(root).href,
    async send(batch, delayMs) {
      if (!(delayMs >= 0 && delayMs <= MAX_QUEUE_DELAY_MS)) throw new Error(`a delay of ${delayMs} ms is out of range`);
      const visibleAtMs = Math.ceil(clock.nowMs() + delayMs);
      for (const message of batch) {
        const path = join(messages, fileNameOf({ visibleAtMs, receives: 0, nonce: ids.token(NONCE_LENGTH), message }));
        await onQueue(
          path,
          createFile(path).then((file) => file.close()),
        );
      }
    },
    async receive({ max, visibilityMs }) {
      const received: ReceivedMessage[] = [];
      const nowMs = clock.nowMs();
      for (const queued of await readMessages(messages)) {
        if (received.length >= max || queued.visibleAtMs > nowMs) break;
        if (queued.receives >= MAX_RECEIVES) {
          await bury(queued);
          continue;
        }
        const receives = queued.receives + 1;
        const taken = {
          ...queued,
          visibleAtMs: Math.ceil(nowMs + visibilityMs),
          receives,
          nonce: ids.token(NONCE_LENGTH),
        };
        if (await move(join(messages, fileNameOf(queued)), join(messages, fileNameOf(taken))))
          received.push({ message: queued.message, receipt: receiptOf(taken), receiveCount: receives });
      }
      return received;
    },
    async ack(receipts) {
      for (const queued of await find(receipts)) await remove(join(messages, fileNameOf(queued)));
    },
    async extend(receipt, visibilityMs) {
      const [queued] = await find([receipt]);
      if (queued === undefined || queued.receives === 0) return false;
      const later = { ...queued, visibleAtMs: Math.ceil(clock.nowMs() + visibilityMs) };
      return await move(join(messages, fileNameOf(queued)), join(messages, fileNameOf(later)));
    },
    async depth() {
      const nowMs = clock.nowMs();
      const all = await readMessages(messages);
      const later = all.filter((queued) => queued.visibleAtMs > nowMs);
      const inFlight = later.filter((queued) => queued.receives > 0).length;
      return {
        visible: all.length - later.length,
        inFlight,
        delayed: later.length - inFlight,
        dead: (await readMessages(dead)).length,
      };
    },
    async *deadLetters(): AsyncGenerator<RetryMessage> {
      for (const queued of await readMessages(dead)) yield queued.message;
    },
    async purge(job) {
      for (const directory of [messages, dead])
        for (const queued of await readMessages(directory))
          if (queued.message.job === job) await remove(join(directory, fileNameOf(queued)));
    },
  };
}

/** In the order of their visibility. */
async function readMessages(directory: string): Promise<QueuedMessage[]> {
  try {
    const names = await readdir(directory);
    return names
      .sort()
      .map(parseFileName)
      .filter((queued) => queued !== null);
  } catch (error) {
    if (isMissing(error)) return [];
    throw unavailable(directory, error);
  }
}

/** False when the source is gone: somebody else took it. */
async function move(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw unavailable(from, error);
  }
}

async function remove(path: string): Promise<void> {
  await onQueue(path, unlink(path).catch(ignoreMissing));
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

async function onQueue<T>(path: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw unavailable(path, error);
  }
}

const unavailable = (path: string, cause: unknown): AppError =>
  new AppError('QUEUE_UNAVAILABLE', { message: `${path}: ${messageOf(cause)}`, cause });
