import { CAUSE_NAMES } from '../domain/causes.ts';
import { matchesPattern } from '../domain/match-rule.ts';
import type { RetryRule, RuleAction, RuleCondition } from '../domain/retry-rules.ts';

/** Why a rule can never decide anything, because of those before it; null when it can. Rules by their position. */
export type RuleConflict =
  /** The same condition. */
  | { readonly kind: 'repeats' | 'contradicts'; readonly earlier: readonly [number] }
  /** Together they match everything that it does. */
  | { readonly kind: 'shadowed'; readonly earlier: readonly number[] };

/** @param at position of the rule among `rules` */
export function conflictOf(rules: readonly RetryRule[], at: number): RuleConflict | null {
  const rule = rules[at] as RetryRule;
  const before = rules.slice(0, at);
  const twin = before.findIndex(
    (other) => blocks(other, rule) && covers(other.when, rule.when) && covers(rule.when, other.when),
  );
  if (twin >= 0) {
    const same = JSON.stringify((rules[twin] as RetryRule).action) === JSON.stringify(rule.action);
    return { kind: same ? 'repeats' : 'contradicts', earlier: [twin] };
  }
  const earlier = new Set<number>();
  for (const part of partsOf(rule.when)) {
    const cover = before.findIndex((other) => blocks(other, rule) && covers(other.when, part));
    if (cover < 0) return null;
    earlier.add(cover);
  }
  return { kind: 'shadowed', earlier: [...earlier].toSorted((a, b) => a - b) };
}

/** An escalation that is spent, or at its bound, counts as not being there: then later rules get their turn, but for the same once more. */
function blocks({ action: earlier }: RetryRule, { action }: RetryRule): boolean {
  if (earlier.do !== 'escalate') return true;
  return action.do === 'escalate' && action.times <= earlier.times && raiseOf(action) === raiseOf(earlier);
}

const raiseOf = ({ memory, time, maxMemoryBytes, maxTimeMs }: RuleAction & { readonly do: 'escalate' }): string =>
  JSON.stringify([memory, time, maxMemoryBytes, maxTimeMs]);

/** A condition cause by cause, which several earlier rules may take between them. */
const partsOf = (when: RuleCondition): readonly RuleCondition[] =>
  (when.cause ?? CAUSE_NAMES).map((cause) => ({ ...when, cause: [cause] }));

/** Does `wide` hold for every failure that `narrow` holds for? When in doubt, no. */
function covers(wide: RuleCondition, narrow: RuleCondition): boolean {
  const causes = narrow.cause ?? CAUSE_NAMES;
  return (
    (wide.cause === undefined || causes.every((cause) => wide.cause?.includes(cause))) &&
    isWithin(narrow.exit, wide.exit) &&
    isWithin(narrow.signal, wide.signal) &&
    (wide.error === undefined ||
      (narrow.error?.every((pattern) => wide.error?.some((other) => patternCovers(other, pattern))) ?? false))
  );
}

const isWithin = (narrow: readonly number[] | undefined, wide: readonly number[] | undefined): boolean =>
  wide === undefined || (narrow?.every((value) => wide.includes(value)) ?? false);

/** With its wildcards as characters that nothing but `*` stands for, a pattern is a text that the wider one has to fit. */
function patternCovers(wide: string, narrow: string): boolean {
  if (wide.toLowerCase() === narrow.toLowerCase()) return true;
  return !wide.includes('?') && matchesPattern(wide, narrow.replaceAll('*', '\u0001').replaceAll('?', '\u0002'));
}
