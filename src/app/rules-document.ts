import { effectiveRules } from '../domain/builtin-rules.ts';
import type { RetrySpec } from '../domain/job-spec.ts';
import { actionWords, conditionWords } from '../domain/rule-words.ts';
import type { PlanDocument } from './documents.ts';

/** What happens to failures of the job, in the order in which rules are asked. */
export const rulesDocument = (retry: RetrySpec): PlanDocument['rules'] =>
  effectiveRules(retry).map((rule) => ({
    name: rule.name,
    when: rule.when,
    do: rule.action.do,
    condition: conditionWords(rule.when),
    action: actionWords(rule, retry),
  }));
