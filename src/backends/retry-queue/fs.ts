import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import { MAX_QUEUE_DELAY_MS, MAX_RECEIVES, type ReceivedMessage, type RetryQueue } from '../../ports/retry-queue.ts';
import { createMessageFiles, type MessageFiles } from './fs-message-files.ts';
import { receiptOf, type QueuedMessage } from './fs-message-names.ts';

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
  const { ids, clock } = options;
  const root = resolve(options.root);
  const messages = createMessageFiles(join(root, 'messages'));
  const dead = createMessageFiles(join(root, 'dead'));

  return {
    ...createReceiving(messages, dead, options),
    rootUrl: pathToFileURL(root).href,
    async send(batch, delayMs) {
      if (!(delayMs >= 0 && delayMs <= MAX_QUEUE_DELAY_MS)) throw new Error(`a delay of ${delayMs} ms is out of range`);
      const visibleAtMs = Math.ceil(clock.nowMs() + delayMs);
      for (const message of batch)
        await messages.add({ visibleAtMs, receives: 0, nonce: ids.token(NONCE_LENGTH), message });
    },
    async depth() {
      const nowMs = clock.nowMs();
      const all = await messages.all();
      const later = all.filter((queued) => queued.visibleAtMs > nowMs);
      const inFlight = later.filter((queued) => queued.receives > 0).length;
      const buried = (await dead.all()).length;
      return { visible: all.length - later.length, inFlight, delayed: later.length - inFlight, dead: buried };
    },
    async *deadLetters() {
      for (const queued of await dead.all()) yield queued.message;
    },
    async purge(job) {
      for (const files of [messages, dead])
        for (const queued of await files.all()) if (queued.message.job === job) await files.remove(queued);
    },
  };
}

/** The verbs of a receiver. */
function createReceiving(
  messages: MessageFiles,
  dead: MessageFiles,
  { ids, clock }: { readonly ids: Ids; readonly clock: Clock },
): Pick<RetryQueue, 'receive' | 'ack' | 'extend'> {
  const held = async (receipts: readonly string[]): Promise<QueuedMessage[]> => {
    const wanted = new Set(receipts);
    const nowMs = clock.nowMs();
    const all = await messages.all();
    return all.filter((queued) => queued.receives > 0 && queued.visibleAtMs > nowMs && wanted.has(receiptOf(queued)));
  };
  const take = async (queued: QueuedMessage, visibleAtMs: number): Promise<ReceivedMessage | null> => {
    const taken = { ...queued, visibleAtMs, receives: queued.receives + 1, nonce: ids.token(NONCE_LENGTH) };
    if (!(await messages.change(queued, taken))) return null;
    return { message: taken.message, receipt: receiptOf(taken), receiveCount: taken.receives };
  };

  return {
    async receive({ max, visibilityMs }) {
      const received: ReceivedMessage[] = [];
      const nowMs = clock.nowMs();
      for (const queued of await messages.all()) {
        if (received.length >= max || queued.visibleAtMs > nowMs) break;
        if (queued.receives >= MAX_RECEIVES) {
          await messages.change(queued, queued, dead);
          continue;
        }
        const taken = await take(queued, Math.ceil(nowMs + visibilityMs));
        if (taken !== null) received.push(taken);
      }
      return received;
    },
    async ack(receipts) {
      for (const queued of await held(receipts)) await messages.remove(queued);
    },
    async extend(receipt, visibilityMs) {
      const [queued] = await held([receipt]);
      if (queued === undefined) return false;
      return await messages.change(queued, { ...queued, visibleAtMs: Math.ceil(clock.nowMs() + visibilityMs) });
    },
  };
}
