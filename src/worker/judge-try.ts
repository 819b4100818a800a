import type { RetrySpec } from '../domain/job-spec.ts';
import { matchRule } from '../domain/match-rule.ts';
import { effectiveRules } from '../domain/builtin-rules.ts';
import type { FailureFacts, RetryRule } from '../domain/retry-rules.ts';
import type { TaskItem } from '../domain/task-item.ts';

/** What decides about a failed try at an item. */
export interface TryPolicy {
  readonly rules: readonly RetryRule[];
  /** Tries of an item that no rule says otherwise about. */
  readonly items: number;
  readonly backoff: Bounds;
  /**
   * Escalations of the task so far. Null: this is the task's last attempt, so nothing can be left for a later one.
   */
  readonly escalations: number | null;
}

interface Bounds {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** `defer`: the item is left for an attempt that has more of what ran out. */
export type TryVerdict =
  | { readonly next: 'end' }
  | { readonly next: 'defer' }
  | { readonly next: 'retry'; readonly backoff: Bounds };

/** @param claimed the task as it was claimed, this attempt charged */
export const tryPolicyOf = (
  retry: Pick<RetrySpec, 'items' | 'attempts' | 'backoff' | 'rules'>,
  claimed: Pick<TaskItem, 'charged' | 'escalations'>,
): TryPolicy => ({
  rules: effectiveRules(retry),
  items: retry.items,
  backoff: retry.backoff,
  escalations: claimed.charged >= retry.attempts ? null : (claimed.escalations ?? 0),
});

/**
 * The first rule that matches decides; an escalation that cannot be made any more is treated as if its rule were not there. Pure.
 *
 * @param tries at the item so far, those of earlier attempts included
 */
export function judgeTry(policy: TryPolicy, failure: FailureFacts, tries: number): TryVerdict {
  const isSpent = ({ action }: RetryRule): boolean =>
    action.do === 'escalate' && (policy.escalations === null || policy.escalations >= action.times);
  const { action } = matchRule(policy.rules, failure, isSpent);
  if (action.do === 'fail') return { next: 'end' };
  if (action.do === 'escalate') return { next: 'defer' };
  const most = action.times === undefined ? policy.items : action.times + 1;
  return tries < most ? { next: 'retry', backoff: action.backoff ?? policy.backoff } : { next: 'end' };
}
