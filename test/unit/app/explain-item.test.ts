import { describe, expect, it } from 'vitest';
import { ruleOf } from '../../../src/app/explain-item.ts';
import type { RetryRule } from '../../../src/domain/retry-rules.ts';

const OWN: RetryRule[] = [
  { name: 'rule 1', when: { cause: ['handler-error'], error: ['*quota*'] }, action: { do: 'escalate', times: 2 } },
  { name: 'rule 2', when: { exit: [75] }, action: { do: 'retry', times: 4 } },
  { name: 'rule 3', when: { signal: [11] }, action: { do: 'fail' } },
  { name: 'rule 4', when: { error: ['TypeError*'] }, action: { do: 'fail' } },
];
const retry = { rules: OWN, items: 3, attempts: 3 };
const failed = {
  attempts: 3,
  durationMs: 12,
  cause: 'handler-error',
  errorClass: 'Error',
  errorMessage: 'no',
} as const;
const nameOf = (change: object) => ruleOf({ ...failed, ...change }, retry)?.name;

describe('the rule that ended the tries of an item', () => {
  it('is the first that is about its failure, as far as its outcome tells', () => {
    expect(ruleOf(failed, retry)).toEqual({
      name: 'built-in rule for everything else',
      says: 'try again, 3 tries of an item and 3 attempts at a task in all',
    });
    expect(nameOf({ errorClass: 'ExitError', errorMessage: 'exit 75: try later' })).toBe('rule 2');
    expect(nameOf({ errorClass: 'SignalError', errorMessage: 'killed by SIGSEGV: x' })).toBe('rule 3');
    expect(nameOf({ errorClass: 'TypeError', errorMessage: 'exit 75' })).toBe('rule 4');
    expect(nameOf({ cause: 'bad-output', errorClass: 'bad-output' })).toBe('built-in rule for what cannot get better');
  });

  it('is none that escalates, which would have left the item unfinished', () => {
    expect(nameOf({ errorMessage: 'over quota' })).toBe('built-in rule for everything else');
  });

  it('is none where no try was judged', () => {
    expect(ruleOf({ ...failed, cause: null, errorClass: null, errorMessage: null }, retry)).toBeNull();
    expect(ruleOf({ ...failed, attempts: 0, cause: 'bad-input', errorClass: 'bad-input' }, retry)).toBeNull();
    expect(ruleOf({ ...failed, durationMs: 0, cause: 'oom', errorClass: 'oom' }, retry)).toBeNull();
  });
});
