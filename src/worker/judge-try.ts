import { CAUSES } from '../domain/causes.ts';
import type { RetrySpec } from '../domain/job-spec.ts';
import { matchRule } from '../domain/match-rule.ts';
import { effectiveRules } from '../domain/builtin-rules.ts';
import type { FailureFacts, RetryRule } from '../domain/retry-rules.ts';
import { MAX_ATTEMPTS_IN_ALL, MAX_IDLE_ATTEMPTS, type TaskItem } from '../domain/task-item.ts';

/** What decides about a failed try at an item. */
export interface TryPolicy {
  readonly rules: readonly RetryRule[];
  /** Tries of an item that no rule says otherwise about. */
  readonly items: number;
  readonly backoff: Bounds;
  /**
   * Escalations of the task so far. Null: this may be the task's last attempt, so nothing is left for a later one.
   */
  readonly escalations: number | null;
}

interface Bounds {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * `defer`: the item is left for an attempt that has more of what ran out. `rule`: name of the rule that says so. `isFree`: the failed try is none of the
 * item's.
 */
export type TryVerdict =
  | { readonly next: 'end' }
  | { readonly next: 'defer'; readonly rule: string }
  | { readonly next: 'retry'; readonly rule: string; readonly backoff: Bounds; readonly isFree?: true };

/** Tries at an item so far. */
interface Tries {
  /** Those that count, of earlier attempts included, and the one that is judged. */
  readonly counted: number;
  /** Those of this attempt that did not count. */
  readonly free: number;
}

type Claimed = Pick<
  TaskItem,
  'attempts' | 'attemptsBefore' | 'charged' | 'escalations' | 'idleAttempts' | 'leavesNone'
>;

/** @param claimed the task as it was claimed, this attempt charged */
export const tryPolicyOf = (
  retry: Pick<RetrySpec, 'items' | 'attempts' | 'backoff' | 'rules'>,
  claimed: Claimed,
): TryPolicy => ({
  rules: effectiveRules(retry),
  items: retry.items,
  backoff: retry.backoff,
  escalations: mayBeLast(claimed, retry.attempts) ? null : (claimed.escalations ?? 0),
});

const mayBeLast = (claimed: Claimed, attempts: number): boolean =>
  claimed.leavesNone === true ||
  claimed.charged >= attempts ||
  claimed.attempts - (claimed.attemptsBefore ?? 0) >= MAX_ATTEMPTS_IN_ALL ||
  (claimed.idleAttempts ?? 0) + 1 >= MAX_IDLE_ATTEMPTS;

/**
 * The first rule that matches decides; an escalation that cannot be made any more is treated as if its rule were not there. What the infrastructure did
 * costs the item nothing, unless a rule counts it by its own `times`, or it happens again and again. Pure.
 */
export function judgeTry(policy: TryPolicy, failure: FailureFacts, { counted, free }: Tries): TryVerdict {
  const isSpent = ({ action }: RetryRule): boolean =>
    action.do === 'escalate' && (policy.escalations === null || policy.escalations >= action.times);
  const { name: rule, action } = matchRule(policy.rules, failure, isSpent);
  if (action.do === 'fail') return { next: 'end' };
  if (action.do === 'escalate') return { next: 'defer', rule };
  const again = { next: 'retry', rule, backoff: action.backoff ?? policy.backoff } as const;
  const isInfra = CAUSES[failure.cause].payer === 'infra';
  if (isInfra && action.times === undefined && free < MAX_IDLE_ATTEMPTS) return { ...again, isFree: true };
  const most = action.times === undefined ? policy.items : action.times + 1;
  return counted < most ? again : { next: 'end' };
}
