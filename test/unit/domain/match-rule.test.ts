import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILTIN_RULES, effectiveRules } from '../../../src/domain/builtin-rules.ts';
import { CAUSE_NAMES, CAUSES, type Cause } from '../../../src/domain/causes.ts';
import { holds, matchesPattern, matchRule } from '../../../src/domain/match-rule.ts';
import type { FailureFacts, RetryRule, RuleCondition } from '../../../src/domain/retry-rules.ts';

const boom: FailureFacts = { cause: 'handler-error', errorClass: 'TypeError', message: 'x is not a function' };

describe('a condition', () => {
  it.each<[RuleCondition, Partial<FailureFacts>, boolean]>([
    [{}, {}, true],
    [{ cause: ['oom', 'handler-error'] }, {}, true],
    [{ cause: ['oom'] }, {}, false],
    [{ exit: [75] }, { exitCode: 75 }, true],
    [{ exit: [0] }, {}, false],
    [{ exit: [75] }, { exitCode: 76 }, false],
    [{ signal: [11] }, { signal: 11 }, true],
    [{ signal: [11] }, { exitCode: 139 }, true],
    [{ signal: [11] }, { exitCode: 11 }, false],
    [{ signal: [11] }, {}, false],
    [{ error: ['typeerror'] }, {}, true],
    [{ error: ['TypeError: x is *'] }, {}, true],
    [{ error: ['*function'] }, {}, true],
    [{ error: ['function'] }, {}, false],
    [{ error: ['Rate*', '*not a*'] }, {}, true],
    [{ error: ['*'] }, { cause: 'oom' }, true],
    [{ cause: ['handler-error'], exit: [1] }, { exitCode: 1 }, true],
    [{ cause: ['handler-error'], exit: [1] }, { exitCode: 2 }, false],
  ])('%j of %j: %s', (when, facts, expected) => expect(holds(when, { ...boom, ...facts })).toBe(expected));

  it('asks about errors only where there is one', () => {
    expect(holds({ error: ['*'] }, { cause: 'node-fail' })).toBe(false);
  });
});

describe('matchesPattern', () => {
  it.each([
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbcd', false],
    ['*b*', 'aBc', true],
    ['?', '', false],
    ['??', 'ab', true],
    ['*', 'two\nlines', true],
    ['', '', true],
    ['', 'a', false],
    ['*a*b', 'axbxab', true],
    ['[a-z]+', 'q', false],
    ['[a-z]+', '[a-z]+', true],
  ])('%s of %s: %s', (pattern, text, expected) => expect(matchesPattern(pattern, text)).toBe(expected));

  it('agrees with a regular expression', () => {
    const few = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 8 }).map((chars) => chars.join(''));
    const text = fc.array(fc.constantFrom('a', 'b'), { maxLength: 12 }).map((chars) => chars.join(''));
    fc.assert(
      fc.property(few, text, (pattern, have) => {
        const regex = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
        expect(matchesPattern(pattern, have)).toBe(regex.test(have));
      }),
    );
  });

  it('answers at once for patterns that make regular expressions hang', () => {
    expect(matchesPattern(`${'*a'.repeat(50)}b`, 'a'.repeat(2_000))).toBe(false);
  });
});

describe('matchRule', () => {
  const first: RetryRule = { name: 'first', when: { cause: ['handler-error'] }, action: { do: 'fail' } };
  const second: RetryRule = { name: 'second', when: { error: ['TypeError'] }, action: { do: 'retry' } };

  it('takes the first that holds', () => {
    expect(matchRule([first, second], boom).name).toBe('first');
    expect(matchRule([second, first], boom).name).toBe('second');
  });

  it('passes over what is spent', () => {
    expect(matchRule([first, second], boom, (rule) => rule === first).name).toBe('second');
  });

  it('finds a missing last rule to be a bug', () => {
    expect(() => matchRule([], boom)).toThrow('no rule matches');
  });
});

describe('effective rules', () => {
  it('are the own ones first, and the last matches everything and is never spent', () => {
    const own: RetryRule = { name: 'rule 1', when: { cause: ['oom'] }, action: { do: 'fail' } };
    expect(effectiveRules({ rules: [own] })).toEqual([own, ...BUILTIN_RULES]);
    expect(effectiveRules({})).toEqual(BUILTIN_RULES);
    expect(BUILTIN_RULES.at(-1)).toMatchObject({ when: {}, action: { do: 'retry' } });
  });

  it.each(CAUSE_NAMES)('do with %s what the list of causes says', (cause: Cause) => {
    const isSpent = (): boolean => false;
    expect(matchRule(effectiveRules({}), { cause }, isSpent).action.do).toBe(CAUSES[cause].action);
  });

  it('treat an escalation that is spent as any other failure', () => {
    const rule = matchRule(effectiveRules({}), { cause: 'oom' }, ({ action }) => action.do === 'escalate');
    expect(rule.name).toBe('built-in rule for everything else');
  });

  it('wait 10 s to 10 min for services that refuse', () => {
    expect(matchRule(effectiveRules({}), { cause: 'rate-limited' }).action).toEqual({
      do: 'retry',
      backoff: { baseMs: 10_000, maxMs: 600_000 },
      times: 5,
    });
  });
});
