import { afterAll, describe, expect, it } from 'vitest';
import { BUILTIN_RULES } from '../../../src/domain/builtin-rules.ts';
import type { RetryRule } from '../../../src/domain/retry-rules.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { load, MINIMAL, problemsOf } from './job-file-fixture.ts';

const temp = makeTempDir('rules');
afterAll(() => temp.remove());
const dir = temp.path;

const job = (rules: readonly string[], more = ''): string =>
  `${MINIMAL}retry:\n  ${more}\n  rules:\n${rules.map((rule) => `    - ${rule}\n`).join('')}`;
const rulesOf = async (rules: readonly string[], more = ''): Promise<readonly RetryRule[] | undefined> =>
  (await load(dir, job(rules, more))).spec.retry.rules;
/** The first rule stands on line 6. */
const problems = (...rules: string[]): Promise<string[]> => problemsOf(dir, job(rules, 'items: 9'));

const GIB = 1024 ** 3;

describe('retry.rules', () => {
  it('are absent from a spec that has none', async () => {
    expect('rules' in (await load(dir, MINIMAL)).spec.retry).toBe(false);
    expect('rules' in (await load(dir, `${MINIMAL}retry: {rules: []}\n`)).spec.retry).toBe(false);
  });

  it('keep their order, and say where they stand', async () => {
    const rules = await rulesOf([
      '{when: {cause: oom}, do: escalate, memory: x1.5, max: 64G, times: 2}',
      '{when: {exit: 75}, do: retry, backoff: 10s..10m}',
      '{when: {error: "*RateLimit*"}, do: retry, times: 8}',
      '{when: {cause: bad-input}, do: fail}',
    ]);
    expect(rules).toEqual([
      {
        name: 'rule 1 (job.yaml:6)',
        when: { cause: ['oom'] },
        action: { do: 'escalate', memory: { factor: 1.5 }, maxMemoryBytes: 64 * GIB, times: 2 },
      },
      {
        name: 'rule 2 (job.yaml:7)',
        when: { exit: [75] },
        action: { do: 'retry', backoff: { baseMs: 10_000, maxMs: 600_000 } },
      },
      { name: 'rule 3 (job.yaml:8)', when: { error: ['*RateLimit*'] }, action: { do: 'retry', times: 8 } },
      { name: 'rule 4 (job.yaml:9)', when: { cause: ['bad-input'] }, action: { do: 'fail' } },
    ]);
  });

  it.each<[string, RetryRule['action']]>([
    ['memory: +4G', { do: 'escalate', memory: { plus: 4 * GIB }, times: 2 }],
    ['time: x2, max: 12h', { do: 'escalate', time: { factor: 2 }, maxTimeMs: 43_200_000, times: 2 }],
    ['time: +90m, times: 1', { do: 'escalate', time: { plus: 5_400_000 }, times: 1 }],
    [
      'memory: x2, time: x3, max: {memory: 64G, time: 12h}, backoff: 1m..1h',
      {
        do: 'escalate',
        memory: { factor: 2 },
        time: { factor: 3 },
        maxMemoryBytes: 64 * GIB,
        maxTimeMs: 43_200_000,
        times: 2,
        backoff: { baseMs: 60_000, maxMs: 3_600_000 },
      },
    ],
  ])('escalates by %s', async (text, action) => {
    expect((await rulesOf([`{when: {cause: oom}, do: escalate, ${text}}`]))?.[0]?.action).toEqual(action);
  });

  it.each<[string, RetryRule['when']]>([
    ['{}', {}],
    ['{cause: [oom, killed, oom]}', { cause: ['oom', 'killed'] }],
    ['{signal: SIGSEGV}', { signal: [11] }],
    ['{signal: [segv, 40], error: ["A*", "B?"]}', { signal: [11, 40], error: ['A*', 'B?'] }],
    ['{exit: 139, signal: SIGSEGV}', { exit: [139], signal: [11] }],
    ['{cause: killed, exit: 137}', { cause: ['killed'], exit: [137] }],
    ['{cause: [bad-input, oom], exit: 1}', { cause: ['bad-input', 'oom'], exit: [1] }],
  ])('reads the condition %s', async (text, when) => {
    expect((await rulesOf([`{when: ${text}, do: fail}`]))?.[0]?.when).toEqual(when);
  });

  it('that retry mean it where retry.items grants one try, and leave it to retry.items where that grants more', async () => {
    const rule = ['{when: {exit: 75}, do: retry}'];
    expect((await rulesOf(rule, 'items: 1'))?.[0]?.action).toEqual({ do: 'retry', times: 2 });
    expect((await rulesOf(rule, 'items: 5'))?.[0]?.action).toEqual({ do: 'retry' });
    expect((await rulesOf(rule, 'items: 1\n  attempts: 1'))?.[0]?.action).toEqual({ do: 'retry' });
  });

  it('may come from the command line', async () => {
    const overrides = { 'retry.rules': '[{when: {exit: 75}, do: fail}]' };
    const { spec } = await load(dir, MINIMAL, { overrides });
    expect(spec.retry.rules?.[0]?.name).toBe('rule 1');
  });
});

describe('what is wrong with a rule', () => {
  it.each([
    ['5', '6:7 retry.rules: rule 1: found 5, expected a rule such as {when: {cause: oom}, do: escalate, memory: x1.5}'],
    [
      '{do: fail}',
      '6:7 retry.rules: rule 1: found a rule without `when` (a group of keys (do)), expected a rule such as',
    ],
    ['{when: {exit: 1}}', '6:7 retry.rules: rule 1: found a rule without `do`, expected retry, escalate or fail'],
    ['{when: {exit: 1}, do: retyr}', 'found "retyr", expected retry or escalate or fail · Did you mean `retry`?'],
    [
      '{when: {exit: 1}, do: fail, tines: 3}',
      '6:35 retry.rules: rule 1: unknown key `tines` in a rule · Did you mean `times`?',
    ],
    [
      '{when: {exit: 1}, do: fail, times: 3}',
      'found `times` in a rule that does fail, expected it with escalate or retry · Drop `times`',
    ],
    [
      '{when: {exit: 1}, do: retry, memory: x2}',
      'found `memory` in a rule that does retry, expected it with escalate · Write do: escalate',
    ],
    [
      '{when: {exit: 1}, do: retry, times: 0}',
      '6:43 retry.rules: rule 1: found 0, expected a whole number of at least 1',
    ],
    [
      '{when: {exit: 1}, do: retry, backoff: 10..20}',
      'expected two durations with .. between them, such as 1s..60s · Add a unit to each',
    ],
    [
      '{when: {cause: oom}, do: escalate}',
      'found an escalation without `memory` and `time`, expected at least one of them · Add memory: x1.5 or time: x2',
    ],
    [
      '{when: {cause: oom}, do: escalate, memory: 1.5}',
      'expected how much more to ask for, such as x1.5 or +4G · Write x1.5 for a factor',
    ],
    [
      '{when: {cause: oom}, do: escalate, memory: 64G}',
      'such as x1.5 or +4G · Write +64G for so much more, or a factor such as x1.5',
    ],
    ['{when: {exit: "75"}, do: retry}', 'found "75", expected an exit code from 1 to 255 · Drop the quotes'],
    ['{when: {cause: oom}, do: escalate, memory: x1}', 'found "x1", expected a factor above 1 and at most 100'],
    ['{when: {cause: oom}, do: escalate, memory: +4}', 'expected a size with its unit, such as 512M, 16MiB or 2G'],
    ['{when: {cause: oom}, do: escalate, memory: x2, max: 1h}', 'expected a size with its unit'],
    ['{when: {cause: oom}, do: escalate, time: x2, max: 64G}', 'expected a duration with its unit'],
    [
      '{when: {cause: oom}, do: escalate, time: x2, memory: x2, max: 64G}',
      'expected one bound for each: {memory: 64G, time: 12h}',
    ],
    [
      '{when: {cause: oom}, do: escalate, time: x2, max: {memory: 64G}}',
      'found `memory` in max ("64G"), expected time',
    ],
    [
      '{when: {cause: oom}, do: escalate, memory: x2, max: 2G}',
      'retry.rules: rule 1 (job.yaml:6): found max 2.0 GiB, expected more than resources.memory (2.0 GiB)',
    ],
    [
      '{when: {cause: oom}, do: escalate, time: x2, max: 30m}',
      'found max 30 m, expected more than resources.time (1 h)',
    ],
    ['{when: oom, do: fail}', '6:14 retry.rules: rule 1: found "oom", expected conditions such as {cause: oom}'],
    ['{when: {casue: oom}, do: fail}', 'unknown condition `casue` · Did you mean `cause`?'],
    [
      '{when: {cause: oon}, do: fail}',
      '6:22 retry.rules: rule 1: found "oon", expected the name of a cause · Did you mean `oom`?',
    ],
    ['{when: {cause: []}, do: fail}', 'found an empty list, expected at least one value'],
    ['{when: {exit: 0}, do: fail}', 'found 0, expected an exit code from 1 to 255'],
    ['{when: {exit: [1, "x"]}, do: fail}', 'found "x", expected an exit code'],
    ['{when: {signal: SIGSEGF}, do: fail}', 'expected a signal such as SIGSEGV or 11 · Did you mean `SIGSEGV`?'],
    ['{when: {error: 5}, do: fail}', 'found 5, expected a pattern for error class or message, such as "*RateLimit*"'],
  ])('%s', async (rule, start) => {
    const found = await problems(rule);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(start);
  });

  it.each([
    ['{exit: 75, signal: SIGSEGV}', 'a process ends with an exit code or by a signal'],
    ['{cause: bad-input, exit: 1}', 'bad-input never comes with exit 1'],
    ['{cause: [timeout-item, hung], signal: SIGKILL}', 'timeout-item, hung never comes with SIGKILL'],
    ['{cause: handler-error, signal: SIGSEGV}', 'handler-error never comes with SIGSEGV'],
    ['{cause: handler-error, exit: 137}', 'handler-error never comes with exit 137'],
    ['{cause: killed, exit: 1}', 'killed never comes with exit 1'],
  ])('%s is impossible', async (when, why) => {
    expect(await problems(`{when: ${when}, do: fail}`)).toEqual([
      `6:14 retry.rules: rule 1: can never match: ${why} · Drop one of the two conditions`,
    ]);
  });

  it.each([
    ['{when: {cause: bad-input}, do: retry}', 'does retry about bad-input, and a record that cannot be read stays so'],
    ['{when: {cause: timeout-item}, do: escalate, time: x2}', 'asks for more time about timeout-item'],
    ['{when: {cause: waiting}, do: fail}', 'is about waiting, after which a task goes on in any case'],
    ['{when: {cause: quota-spent}, do: retry, times: 2}', 'is about quota-spent, after which a task goes on'],
  ])('%s is of no use', async (rule, why) => {
    expect((await problems(rule)).join()).toContain(`6:7 retry.rules: rule 1: ${why}`);
    expect(await problems(rule)).toHaveLength(1);
  });

  it('tells every problem of every rule', async () => {
    expect(await problems('{when: {exit: 0, cause: x}, do: nothing, tmies: 1}', '7')).toHaveLength(5);
  });

  it('is told of what is no list', async () => {
    expect((await problemsOf(dir, `${MINIMAL}retry: {rules: {do: fail}}\n`))[0]).toContain('Begin each rule with - ');
    expect((await problems(...Array<string>(101).fill('{when: {exit: 1}, do: fail}')))[0]).toContain(
      'found 101 rules, expected at most 100',
    );
  });
});

describe('rules that get into each other’s way', () => {
  it('the same condition with another action, both lines named', async () => {
    expect(
      await problems('{when: {cause: [oom, killed]}, do: fail}', '{when: {cause: [killed, oom]}, do: retry}'),
    ).toEqual([
      '7:7 retry.rules: rule 2: contradicts rule 1 on line 6: the same condition, another action · The first rule that matches decides: keep one of the two',
    ]);
  });

  it('the same rule twice', async () => {
    expect((await problems('{when: {exit: 3}, do: fail}', '{when: {exit: 3}, do: fail}'))[0]).toContain(
      '7:7 retry.rules: rule 2: repeats rule 1 on line 6',
    );
  });

  it.each([
    ['{when: {}, do: retry}', '{when: {cause: oom}, do: fail}'],
    ['{when: {cause: [oom, killed]}, do: retry}', '{when: {cause: oom, error: "*"}, do: fail}'],
    ['{when: {error: "*Limit*"}, do: retry}', '{when: {error: "Rate*limit*"}, do: fail}'],
    ['{when: {error: "*"}, do: retry}', '{when: {error: [a, "b?"]}, do: fail}'],
    ['{when: {exit: [1, 2, 3]}, do: retry}', '{when: {exit: [3, 2]}, do: fail}'],
    ['{when: {signal: [SIGSEGV, SIGBUS]}, do: retry}', '{when: {signal: 11}, do: fail}'],
    [
      '{when: {cause: oom}, do: escalate, memory: x2, times: 3}',
      '{when: {cause: oom}, do: escalate, memory: x2, times: 3, backoff: 1s..2s}',
    ],
  ])('%s leaves nothing for %s', async (first, second) => {
    expect((await problems(first, second)).join()).toMatch(/^7:7 retry\.rules: rule 2: .* rule 1 on line 6/);
  });

  it('several rules may take one between them', async () => {
    expect(
      await problems(
        '{when: {cause: oom}, do: retry}',
        '{when: {cause: killed}, do: retry}',
        '{when: {cause: [killed, oom]}, do: fail}',
      ),
    ).toEqual([
      '8:7 retry.rules: rule 3: can never match: rule 1 on line 6 and rule 2 on line 7 together match everything it does · The first rule that matches decides: put the narrower one first, or drop it',
    ]);
  });

  it.each([
    ['{when: {cause: oom}, do: escalate, memory: x2}', '{when: {cause: oom}, do: fail}'],
    [
      '{when: {cause: oom}, do: escalate, memory: x2, times: 1}',
      '{when: {cause: oom}, do: escalate, memory: x3, times: 2}',
    ],
    [
      '{when: {cause: oom}, do: escalate, memory: x2, max: 8G}',
      '{when: {cause: oom}, do: escalate, memory: +8G, max: 64G}',
    ],
    ['{when: {cause: oom}, do: fail}', '{when: {}, do: retry}'],
    ['{when: {cause: oom}, do: fail}', '{when: {error: "*memory*"}, do: retry}'],
    ['{when: {exit: 1}, do: fail}', '{when: {exit: [1, 2]}, do: retry}'],
    ['{when: {error: "Rate*"}, do: fail}', '{when: {error: "*Rate*"}, do: retry}'],
    ['{when: {error: "a?c"}, do: fail}', '{when: {error: "a*c"}, do: retry}'],
    ['{when: {error: "*", exit: 1}, do: fail}', '{when: {exit: 1}, do: retry}'],
  ])('%s and %s get along', async (first, second) => {
    expect(await rulesOf([first, second])).toHaveLength(2);
  });

  it('the built-in rules keep out of each other’s way too', async () => {
    const { conflictOf } = await import('../../../src/config/rule-conflicts.ts');
    expect(BUILTIN_RULES.map((_, at) => conflictOf(BUILTIN_RULES, at))).toEqual(BUILTIN_RULES.map(() => null));
  });
});
