/**
 * DECIDE AGAIN. Says what becomes of a task whose attempt ended without a commit; pure, so every case is a table row in its test.
 * It never touches state: the coordinator carries the decision out.
 */
import { CAUSES, type Cause } from '../domain/causes.ts';
import type { RetrySpec } from '../domain/job-spec.ts';
import { MAX_ATTEMPTS_IN_ALL, type TaskItem } from '../domain/task-item.ts';
import { backoffMs } from './backoff.ts';

export type RetryDecision =
  | {
      readonly action: 'retry';
      readonly delayMs: number;
      /** The attempt is given back: infrastructure failures do not spend the user's attempts. */
      readonly refund: boolean;
    }
  | { readonly action: 'give-up'; readonly why: string };

export interface RetryQuestion {
  readonly task: Pick<TaskItem, 'attempts' | 'charged'>;
  readonly cause: Cause;
  /** The ended attempt saved results that the next one goes on from. */
  readonly progressed: boolean;
  readonly policy: Pick<RetrySpec, 'attempts' | 'backoff'>;
  /** Uniform in [0, 1). */
  readonly random: number;
}

/**
 * `task.charged` counts the ended attempt already (a claim charges it), so `charged = policy.attempts` means the budget is spent.
 */
export function decideRetry({ task, cause, progressed, policy, random }: RetryQuestion): RetryDecision {
  // A task longer than its element's time limit gets there in several attempts, as long as each brings it forward.
  const payer = cause === 'time-limit' && progressed ? 'infra' : CAUSES[cause].payer;
  if (payer === 'none') return { action: 'give-up', why: `${cause} cannot succeed on another try` };
  if (task.attempts >= MAX_ATTEMPTS_IN_ALL)
    return { action: 'give-up', why: `${task.attempts} attempts were begun, the most for any task` };
  if (payer === 'user' && task.charged >= policy.attempts)
    return { action: 'give-up', why: `all ${policy.attempts} attempts are spent` };
  const tries = Math.max(1, task.attempts);
  return { action: 'retry', delayMs: backoffMs(tries, policy.backoff, random), refund: payer === 'infra' };
}
