import type { FailureFacts, RetryRule, RuleCondition } from './retry-rules.ts';

/**
 * The first rule whose condition holds. `isSpent` rules are treated as if they were not there (an escalation that was made as often as it may).
 * @throws a plain Error when none matches: `effectiveRules` always ends in one that does
 */
export function matchRule(
  rules: readonly RetryRule[],
  facts: FailureFacts,
  isSpent: (rule: RetryRule) => boolean = () => false,
): RetryRule {
  const found = rules.find((rule) => holds(rule.when, facts) && !isSpent(rule));
  if (found === undefined) throw new Error(`no rule matches ${JSON.stringify(facts)}`);
  return found;
}

/** Does every condition that is given hold? */
export function holds({ cause, exit, signal, error }: RuleCondition, facts: FailureFacts): boolean {
  if (cause !== undefined && !cause.includes(facts.cause)) return false;
  if (exit !== undefined && !(facts.exitCode !== undefined && exit.includes(facts.exitCode))) return false;
  if (signal !== undefined && !signal.some((number) => endedBy(number, facts))) return false;
  return error === undefined || error.some((pattern) => saysSo(pattern, facts));
}

/** A shell hands on the death of its child as exit 128 + signal. */
const endedBy = (signal: number, facts: FailureFacts): boolean =>
  facts.signal === signal || facts.exitCode === 128 + signal;

function saysSo(pattern: string, { errorClass, message }: FailureFacts): boolean {
  if (errorClass !== undefined && matchesPattern(pattern, errorClass)) return true;
  if (message === undefined) return false;
  return (
    matchesPattern(pattern, message) ||
    (errorClass !== undefined && matchesPattern(pattern, `${errorClass}: ${message}`))
  );
}

/**
 * Does the whole text fit a pattern with `*` (any characters, line breaks too) and `?` (one), ignoring case? In time proportional to pattern × text
 * at worst: on a mismatch only the last `*` takes one character more (Krauss, "Matching Wildcards", 2008), so no pattern can hang a worker.
 */
export function matchesPattern(pattern: string, text: string): boolean {
  const want = pattern.toLowerCase();
  const have = text.toLowerCase();
  let at = 0;
  let next = 0;
  let star = -1;
  let taken = 0;
  while (at < have.length) {
    const wanted = want[next];
    if (wanted === '*') {
      star = next;
      taken = at;
      next += 1;
    } else if (wanted !== undefined && (wanted === '?' || wanted === have[at])) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      next = star + 1;
      taken += 1;
      at = taken;
    } else return false;
  }
  while (want[next] === '*') next += 1;
  return next === want.length;
}
