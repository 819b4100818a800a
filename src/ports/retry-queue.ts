import type { JobId, TaskId } from '../domain/ids.ts';

/**
 * Hints that a task is worth looking at. Contract (test/contract/retry-queue.contract.ts): at least once, unordered, may duplicate,
 * may come late. The truth is the task item; losing every message costs time only.
 */
export interface RetryMessage {
  readonly job: JobId;
  readonly task: TaskId;
  readonly generation: number;
  /** Attempts begun when the hint was sent: an older hint than the task item is stale. */
  readonly attempts: number;
  readonly notBeforeMs: number;
}

export interface ReceivedMessage {
  readonly message: RetryMessage;
  /** Handle for ack and extend; valid until the visibility ends. */
  readonly receipt: string;
  /** How often this message was received, this time included. */
  readonly receiveCount: number;
}

export const MAX_QUEUE_DELAY_MS = 900_000;
/** A message received this often without an ack goes to the dead letters. */
export const MAX_RECEIVES = 10;

export interface RetryQueue {
  readonly rootUrl: string;
  /** Visible after `delayMs` (0 to MAX_QUEUE_DELAY_MS). */
  send(messages: readonly RetryMessage[], delayMs: number): Promise<void>;
  /**
   * Up to `max` messages, hidden from others for `visibilityMs`. Does not wait for messages to come: whoever receives goes by the due times
   * in the task items, and comes back. What is no hint is never handed out.
   */
  receive(options: { readonly max: number; readonly visibilityMs: number }): Promise<ReceivedMessage[]>;
  /** Removes. An unknown receipt is ignored; an expired one may still remove its message if nobody received it since. */
  ack(receipts: readonly string[]): Promise<void>;
  /** Keeps a message hidden for this long from now. False when the receipt is no longer valid, or a driver's longest time is over. */
  extend(receipt: string, visibilityMs: number): Promise<boolean>;
  /** Counts; approximate where many servers hold the messages. */
  depth(): Promise<{
    readonly visible: number;
    readonly inFlight: number;
    readonly delayed: number;
    readonly dead: number;
  }>;
  /** Lists without removing, the first 1,000 at least; one that somebody else is just looking at may be missing. */
  deadLetters(): AsyncIterable<RetryMessage>;
  /**
   * Removes messages of a job, dead letters included, as far as they can be reached within seconds. What is delayed, held by a receiver or
   * behind many others may stay and come later: a receiver drops hints of jobs that are over.
   */
  purge(job: JobId): Promise<void>;
}
