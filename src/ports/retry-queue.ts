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
  /** Up to `max` messages, hidden from others for `visibilityMs`. */
  receive(options: { readonly max: number; readonly visibilityMs: number }): Promise<ReceivedMessage[]>;
  /** Removes; an expired or unknown receipt is ignored. */
  ack(receipts: readonly string[]): Promise<void>;
  /** Keeps a message hidden for this long from now. False when the receipt is no longer valid. */
  extend(receipt: string, visibilityMs: number): Promise<boolean>;
  depth(): Promise<{
    readonly visible: number;
    readonly inFlight: number;
    readonly delayed: number;
    readonly dead: number;
  }>;
  deadLetters(): AsyncIterable<RetryMessage>;
  /** Removes every message of a job, dead letters included. */
  purge(job: JobId): Promise<void>;
}
