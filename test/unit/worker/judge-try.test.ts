import { describe, expect, it } from 'vitest';
import { BUILTIN_RULES } from '../../../src/domain/builtin-rules.ts';
import type { FailureFacts, RetryRule } from '../../../src/domain/retry-rules.ts';
import { MAX_ATTEMPTS_IN_ALL, MAX_IDLE_ATTEMPTS } from '../../../src/domain/task-item.ts';
import { judgeTry, tryPolicyOf, type TryPolicy } from '../../../src/worker/judge-try.ts';

const LAST = 'built-in rule for everything else';
const backoff = { baseMs: 1, maxMs: 2 };
const slow = { baseMs: 5, maxMs: 9 };
const own: readonly RetryRule[] = [
  { name: 'rule 1', when: { exit: [75] }, action: { do: 'retry', backoff: slow, times: 4 } },
  { name: 'rule 2', when: { error: ['Fatal*'] }, action: { do: 'fail' } },
  { name: 'rule 3', when: { error: ['Big*'] }, action: { do: 'escalate', memory: { factor: 2 }, times: 1 } },
];
const policy: TryPolicy = { rules: [...own, ...BUILTIN_RULES], items: 2, backoff, escalations: 0 };
const failed = (more: Partial<FailureFacts> = {}): FailureFacts => ({ cause: 'handler-error', ...more });

describe('judgeTry', () => {
  it.each<[string, FailureFacts, number, Partial<TryPolicy>, ReturnType<typeof judgeTry>]>([
    ['the last rule', failed(), 1, {}, { next: 'retry', rule: LAST, backoff }],
    ['the last rule, tries spent', failed(), 2, {}, { next: 'end' }],
    ['its own backoff and times', failed({ exitCode: 75 }), 4, {}, { next: 'retry', rule: 'rule 1', backoff: slow }],
    ['its times spent', failed({ exitCode: 75 }), 5, {}, { next: 'end' }],
    ['fail', failed({ errorClass: 'FatalError' }), 1, {}, { next: 'end' }],
    ['bad input', failed({ cause: 'bad-input' }), 1, {}, { next: 'end' }],
    ['bad output', failed({ cause: 'bad-output' }), 1, {}, { next: 'end' }],
    ['escalate', failed({ errorClass: 'BigError' }), 1, {}, { next: 'defer', rule: 'rule 3' }],
    [
      'escalate, whatever tries there were',
      failed({ errorClass: 'BigError' }),
      9,
      {},
      { next: 'defer', rule: 'rule 3' },
    ],
    [
      'an escalation that is spent',
      failed({ errorClass: 'BigError' }),
      1,
      { escalations: 1 },
      { next: 'retry', rule: LAST, backoff },
    ],
    ['memory', failed({ cause: 'oom' }), 1, { escalations: 1 }, { next: 'defer', rule: 'built-in rule for oom' }],
    [
      'memory on the last attempt',
      failed({ cause: 'oom' }),
      1,
      { escalations: null },
      { next: 'retry', rule: LAST, backoff },
    ],
    ['memory on the last try of it', failed({ cause: 'oom' }), 2, { escalations: null }, { next: 'end' }],
  ])('%s', (_, failure, tries, more, verdict) => {
    expect(judgeTry({ ...policy, ...more }, failure, { counted: tries, free: 0 })).toEqual(verdict);
  });
});

describe('a try that the infrastructure spoilt', () => {
  const INFRA = 'built-in rule for infrastructure';
  const judge = (counted: number, free: number, more: Partial<TryPolicy> = {}) =>
    judgeTry({ ...policy, ...more }, failed({ cause: 'slot-lost' }), { counted, free });

  it('is none of the item, until it has happened again and again', () => {
    expect(judge(2, MAX_IDLE_ATTEMPTS - 1)).toEqual({ next: 'retry', rule: INFRA, backoff, isFree: true });
    expect(judge(1, MAX_IDLE_ATTEMPTS)).toEqual({ next: 'retry', rule: INFRA, backoff });
    expect(judge(2, MAX_IDLE_ATTEMPTS)).toEqual({ next: 'end' });
  });

  it('counts where a rule of the job counts it', () => {
    const rules: RetryRule[] = [
      { name: 'rule 1', when: { cause: ['slot-lost'] }, action: { do: 'retry', times: 1 } },
      ...BUILTIN_RULES,
    ];
    expect(judge(1, 0, { rules })).toEqual({ next: 'retry', rule: 'rule 1', backoff });
    expect(judge(2, 0, { rules })).toEqual({ next: 'end' });
  });
});

describe('tryPolicyOf', () => {
  const retry = { items: 3, attempts: 2, backoff, rules: own };

  const claimed = { attempts: 1, charged: 1 };

  it('has the rules of the job before the built-in ones', () => {
    expect(tryPolicyOf(retry, claimed)).toEqual({ rules: policy.rules, items: 3, backoff, escalations: 0 });
  });

  it('leaves nothing for later on what may be the last attempt, or when it was told so', () => {
    expect(tryPolicyOf(retry, { ...claimed, escalations: 2 }).escalations).toBe(2);
    const last = [
      { charged: 2 },
      { leavesNone: true },
      { idleAttempts: MAX_IDLE_ATTEMPTS - 1 },
      { attempts: MAX_ATTEMPTS_IN_ALL + 4, attemptsBefore: 4 },
    ];
    for (const more of last) expect(tryPolicyOf(retry, { ...claimed, escalations: 2, ...more }).escalations).toBeNull();
    const notLast = { idleAttempts: MAX_IDLE_ATTEMPTS - 2, attempts: MAX_ATTEMPTS_IN_ALL + 3, attemptsBefore: 4 };
    expect(tryPolicyOf(retry, { ...claimed, ...notLast }).escalations).toBe(0);
  });
});
