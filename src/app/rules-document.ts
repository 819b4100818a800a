import { conflictOf } from '../config/rule-conflicts.ts';
import { effectiveRules } from '../domain/builtin-rules.ts';
import type { RetrySpec } from '../domain/job-spec.ts';
import { actionWords, conditionWords } from '../domain/rule-words.ts';
import type { PlanDocument } from './documents.ts';

/** What happens to failures of the job, in the order in which rules are asked. */
export function rulesDocument(retry: RetrySpec): PlanDocument['rules'] {
  const rules = effectiveRules(retry);
  return rules.map((rule, at) => ({
    name: rule.name,
    when: rule.when,
    do: rule.action.do,
    condition: conditionWords(rule.when),
    action: actionWords(rule, retry),
    coveredBy: (conflictOf(rules, at)?.earlier ?? []).flatMap((earlier) => rules[earlier]?.name ?? []),
  }));
}
