/** Breakers: many tasks that fail alike are held back, and one of them tries whether the trouble is over. */
import type { Cause } from './causes.ts';
import type { TaskId } from './ids.ts';
import type { TaskItem } from './task-item.ts';

/**
 * - `CLOSED`: tasks are retried when they are due
 * - `OPEN`: nothing is retried until `untilMs`
 * - `HALF`: `canary` is being retried, the others wait for what becomes of it
 * - `SPENT`: canary after canary failed; whoever waits is given up, or tried once more where items were left beside those that failed
 */
export type BreakerState = 'CLOSED' | 'OPEN' | 'HALF' | 'SPENT';

/** State item `J#<job>/F#<fingerprint>`. Optional fields are absent, never null. */
export type BreakerItem = {
  readonly state: BreakerState;
  /** Raised by every write: the condition of the next one. */
  readonly version: number;
  readonly cause: Cause;
  /** One task's words for the failure. */
  readonly example: string;
  /** Tasks that wait with this failure. */
  readonly tasks: number;
  /** Tasks that were done when it was last looked at. */
  readonly doneSeen: number;
  /** OPEN: epoch ms of the next canary. */
  readonly untilMs?: number;
  /** The pause before that canary. */
  readonly pauseMs?: number;
  /** Canaries that failed since it was closed last. */
  readonly failedCanaries?: number;
  /** HALF: the task that is tried, and how many attempts it had begun when it was chosen. */
  readonly canary?: TaskId;
  readonly canaryAttempts?: number;
};

/** What a pass saw of one kind of failure. */
export interface BreakerSight {
  readonly fingerprint: string;
  readonly cause: Cause;
  readonly example: string;
  /** Tasks that wait with this failure. */
  readonly tasks: number;
  /** Tasks that are done. */
  readonly done: number;
  /** The task that may go first; null when none waits. */
  readonly next: { readonly id: TaskId; readonly attempts: number } | null;
  /** The canary of the stored item as it is; null when there is none. */
  readonly canary: TaskItem | null;
  readonly nowMs: number;
}

/** What the retry budget of a job is derived from. */
export interface BudgetCounts {
  /** Tasks that are done. */
  readonly done: number;
  /** Retries begun so far that the user pays for. */
  readonly spent: number;
  /** Retries that are claimable or running. */
  readonly underWay: number;
  /** Of these, claimable: they will be spent. */
  readonly claimable: number;
}
