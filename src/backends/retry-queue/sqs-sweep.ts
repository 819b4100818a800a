/** SQS cannot look without taking: what goes through a queue takes messages for a moment and puts back what it leaves alone. */

import type { JobId } from '../../domain/ids.ts';
import { isAppError } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import { MAX_RECEIVES, type RetryMessage } from '../../ports/retry-queue.ts';
import { BATCH } from './sqs-batches.ts';
import type { SqsQueues, Which } from './sqs-queues.ts';
import { deleteMessages, giveBack, sendMessages, takeMessages, type TakenMessage } from './sqs-receive.ts';

/** Longer than a pass lasts, so that none meets a message twice; also how long a message is away when the process dies in a pass. */
const HIDDEN_MS = 60_000;
/** A pass begins no further request after this time, milliseconds: whoever ends a job is waiting. */
const SWEEP_MS = 4_000;
const MOST_LISTED = 1_000;
/** Requests that bring less than they could, or the same again, must not go on for ever. */
const MOST_REQUESTS = (MOST_LISTED / BATCH) * 3;
/** A message that was taken so often is put back as a new one: looking at it shall not make it a dead letter. */
const WORN_RECEIVES = MAX_RECEIVES / 2;

/** Removes the messages of a job that can be taken now, and puts the others back. */
export async function sweepJob(
  queues: SqsQueues,
  job: JobId,
  { which, clock, signal }: { readonly which: Which; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const untilMs = clock.monotonicMs() + SWEEP_MS;
  const others: TakenMessage[] = [];
  while (clock.monotonicMs() < untilMs) {
    const taken = await takeMessages(queues, { which, max: BATCH, visibilityMs: HIDDEN_MS, waitSec: 1, signal });
    if (taken.length === 0) break;
    const found = taken.filter(({ message }) => message?.job === job);
    await deleteMessages(queues, { which, receipts: receiptsOf(found), signal });
    others.push(...taken.filter(({ message }) => message?.job !== job));
  }
  const worn = which === 'live' ? others.filter(isWorn) : [];
  await sendMessages(queues, hintsOf(worn), { delaySec: 0, signal });
  await deleteMessages(queues, { which, receipts: receiptsOf(worn), signal });
  await giveBack(queues, { which, receipts: receiptsOf(others.filter((one) => !worn.includes(one))), signal });
}

/** The dead letters, at most 1,000, each once. Foreign ones are left out. */
export async function listDead(queues: SqsQueues): Promise<RetryMessage[]> {
  const found = new Map<string, TakenMessage>();
  for (let request = 0; request < MOST_REQUESTS && found.size < MOST_LISTED; request += 1) {
    const taken = await takeMessages(queues, { which: 'dead', max: BATCH, visibilityMs: HIDDEN_MS, waitSec: 1 });
    if (taken.length === 0) break;
    for (const one of taken) found.set(one.id, one);
  }
  const all = [...found.values()];
  await giveBack(queues, { which: 'dead', receipts: receiptsOf(all) }).catch((error: unknown) => {
    // They come back by themselves a little later.
    if (!isAppError(error)) throw error;
  });
  return hintsOf(all);
}

/** Foreign messages wear out: that is how they leave the queue, without getting lost. */
const isWorn = ({ message, receiveCount }: TakenMessage): boolean => message !== null && receiveCount >= WORN_RECEIVES;
const receiptsOf = (taken: readonly TakenMessage[]): string[] => taken.map(({ receipt }) => receipt);
const hintsOf = (taken: readonly TakenMessage[]): RetryMessage[] =>
  taken.map(({ message }) => message).filter((message) => message !== null);
