/**
 * How many retries a job may begin: successes earn them, retries that the user pays for spend them, so that a job in which nothing works does not
 * keep a cluster busy with failures. Pure, and a function of counts alone: nothing is stored, so nothing can get lost. After the retry quotas of the
 * Amazon Builders' Library ("Timeouts, retries, and backoff with jitter").
 */
import type { BudgetCounts } from '../domain/breaker.ts';

export const BUDGET_FLOOR = 20;
export const BUDGET_CAP = 500;
const EARNED_PER_SUCCESS = 0.1;

/** Retries that may begin. When the budget is spent they go one at a time: nothing is ever discarded. */
export function retriesAllowed({ done, spent, underWay, claimable }: BudgetCounts): number {
  const earned = BUDGET_FLOOR + EARNED_PER_SUCCESS * done - spent;
  const left = Math.floor(Math.min(BUDGET_CAP, earned)) - claimable;
  return Math.max(left, underWay === 0 ? 1 : 0);
}
