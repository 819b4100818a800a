import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflictOf } from '../../../src/config/rule-conflicts.ts';
import type { Cause } from '../../../src/domain/causes.ts';
import { matchRule } from '../../../src/domain/match-rule.ts';
import type { FailureFacts, RetryRule, RuleAction, RuleCondition } from '../../../src/domain/retry-rules.ts';

const cause = fc.constantFrom<Cause>('oom', 'killed', 'handler-error');
const number = fc.constantFrom(1, 2, 139);
const signal = fc.constantFrom(9, 11);
const glob = fc
  .array(fc.constantFrom('a', 'b', '*', '?'), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join(''));
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(value, { minLength: 1, maxLength: 2 });

const condition: fc.Arbitrary<RuleCondition> = fc.record(
  { cause: some(cause), exit: some(number), signal: some(signal), error: some(glob) },
  { requiredKeys: [] },
);
const action = fc.constantFrom<RuleAction>(
  { do: 'fail' },
  { do: 'retry' },
  { do: 'escalate', memory: { factor: 2 }, times: 1 },
  { do: 'escalate', memory: { factor: 3 }, times: 2 },
);
const rules = fc.array(
  fc.record({ when: condition, action }).map((rule): RetryRule => ({ name: 'rule', ...rule })),
  { minLength: 2, maxLength: 4 },
);
const facts: fc.Arbitrary<FailureFacts> = fc.record(
  {
    cause,
    exitCode: number,
    signal,
    errorClass: fc.constantFrom('a', 'ab', 'b'),
    message: fc.constantFrom('a', 'aab', 'bb', ''),
  },
  { requiredKeys: ['cause'] },
);
const last: RetryRule = { name: 'last', when: {}, action: { do: 'retry' } };

describe('conflictOf', () => {
  it('never speaks of a rule that decides about some failure', () => {
    fc.assert(
      fc.property(rules, fc.array(facts, { minLength: 20, maxLength: 20 }), fc.nat(3), (all, failures, escalations) => {
        const isSpent = ({ action: each }: RetryRule): boolean => each.do === 'escalate' && escalations >= each.times;
        for (const failure of failures) {
          const at = all.indexOf(matchRule([...all, last], failure, isSpent));
          if (at >= 0) expect(conflictOf(all, at), JSON.stringify({ all, at, failure, escalations })).toBeNull();
        }
      }),
      { numRuns: 500 },
    );
  });

  it('names earlier rules only, and finds one for every rule that stands twice', () => {
    fc.assert(
      fc.property(rules, (all) => {
        const twice = [...all, all[0] as RetryRule];
        const conflict = conflictOf(twice, all.length);
        expect(conflict).not.toBeNull();
        expect(conflict?.earlier.every((index) => index < all.length)).toBe(true);
        expect(conflictOf(twice, 0)).toBeNull();
      }),
    );
  });
});
