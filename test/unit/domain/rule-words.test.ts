import { describe, expect, it } from 'vitest';
import { effectiveRules } from '../../../src/domain/builtin-rules.ts';
import { CAUSE_NAMES, CAUSES } from '../../../src/domain/causes.ts';
import type { RetrySpec } from '../../../src/domain/job-spec.ts';
import type { RetryRule } from '../../../src/domain/retry-rules.ts';
import { actionWords, conditionWords } from '../../../src/domain/rule-words.ts';

const retry: RetrySpec = { items: 1, attempts: 3, backoff: { baseMs: 1_000, maxMs: 60_000 }, tolerate: {} };
const rule = (action: RetryRule['action'], when: RetryRule['when'] = {}): RetryRule => ({ name: 'r', when, action });

describe('a rule in words', () => {
  it.each<[RetryRule['when'], string]>([
    [{}, 'everything'],
    [{ cause: ['oom', 'killed'] }, 'oom or killed'],
    [{ exit: [75, 111], error: ['*RateLimit*'] }, 'exit 75 or 111 and error *RateLimit*'],
    [{ signal: [11, 40] }, 'SIGSEGV or signal 40'],
  ])('%j', (when, words) => expect(conditionWords(when)).toBe(words));

  it.each<[RetryRule, string]>([
    [rule({ do: 'fail' }), 'fail at once'],
    [rule({ do: 'retry', times: 1 }), 'try again, once at most'],
    [
      rule({ do: 'retry', times: 4, backoff: { baseMs: 10_000, maxMs: 600_000 } }),
      'try again, 4 times at most; wait up to 10 s, doubling to 10 m',
    ],
    [rule({ do: 'retry' }, { cause: ['preempted'] }), 'try again, without spending an attempt'],
    [
      rule({
        do: 'escalate',
        memory: { factor: 1.5 },
        maxMemoryBytes: 64 * 1024 ** 3,
        time: { plus: 1_800_000 },
        times: 1,
      }),
      'ask for 1.5 times the memory up to 64.0 GiB and 30 m more time, once at most',
    ],
    [
      rule({ do: 'escalate', time: { factor: 2 }, maxTimeMs: 43_200_000, memory: { plus: 1024 ** 3 }, times: 2 }),
      'ask for 1.0 GiB more memory and 2 times the time up to 12 h, 2 times at most',
    ],
  ])('%j', (each, words) => expect(actionWords(each, retry)).toBe(words));

  it('the built-in ones of a plain job', () => {
    expect(effectiveRules(retry).map((each) => `${conditionWords(each.when)} → ${actionWords(each, retry)}`)).toEqual([
      'oom → ask for 1.5 times the memory, 2 times at most',
      'time-limit → ask for 1.5 times the time, 2 times at most',
      'bad-input or bad-output → fail at once',
      'rate-limited → try again, 5 times at most; wait up to 10 s, doubling to 10 m',
      `${CAUSE_NAMES.filter((cause) => CAUSES[cause].payer === 'infra').join(' or ')} → try again, without spending an attempt`,
      'everything → try again, 1 try of an item and 3 attempts at a task in all',
    ]);
  });
});
