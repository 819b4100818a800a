import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { criteriaOf } from '../../../src/app/retry-criteria.ts';
import { effectiveRules } from '../../../src/domain/builtin-rules.ts';
import { CAUSE_NAMES } from '../../../src/domain/causes.ts';
import type { Grouping } from '../../../src/domain/error-grouping.ts';
import { templateOf } from '../../../src/domain/fingerprint.ts';
import { holds, matchRule } from '../../../src/domain/match-rule.ts';
import type { FailingTask } from '../../../src/observe/failing-task.ts';
import { createGrouper } from '../../../src/observe/group-failures.ts';
import { remedyOf } from '../../../src/observe/remedy.ts';
import { rulePattern } from '../../../src/observe/rule-pattern.ts';
import { spansOf } from '../../../src/observe/time-spans.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { load, MINIMAL } from '../config/job-file-fixture.ts';
import { failedAttempt, failedItem, failingTask, GIB, HOUR_MS, observedJob, place } from './failing-tasks.fixture.ts';

const temp = makeTempDir('remedy');
afterAll(() => temp.remove());

/** The remedies of the groups of these tasks, largest first. */
function remedies(tasks: readonly FailingTask[], by: Grouping = 'fingerprint', job = observedJob) {
  const grouper = createGrouper(by, spansOf(0, HOUR_MS));
  for (const task of tasks) grouper.add(task);
  const { groups, endedItems } = grouper.grouped();
  return groups.map((group) => remedyOf({ group, by, job, endedItems }));
}
const only = (...given: Parameters<typeof remedies>) => {
  const [first] = remedies(...given);
  if (first === undefined) throw new Error('no group');
  return first;
};

describe('a remedy', () => {
  it('writes no secret into a rule that matches all the same', () => {
    const message = 'login at db:5432 refused with password=hunter2 after 3 tries';
    const { rule } = only([failingTask(0, { items: [failedItem(0, message)] })]);
    expect(rule).not.toContain('hunter2');
    const pattern = JSON.parse(/error: (".*")\}/.exec(rule ?? '')?.[1] ?? '""') as string;
    expect(holds({ error: [pattern] }, { cause: 'handler-error', errorClass: 'TypeError', message })).toBe(true);
  });

  it('asks for twice the most that was not enough', () => {
    const where = place({ memoryBytes: 3 * GIB });
    const oom = failingTask(0, { items: [failedItem(0, 'too big', { cause: 'oom', errorClass: 'oom' })], where });
    expect(only([oom])).toMatchObject({
      command: expect.stringMatching(/^slurmctl retry test-00000000 --error 1[0-9a-f]{11} --memory 6G$/),
      commandItems: 1,
      rule: '{when: {cause: oom}, do: escalate, memory: x2, times: 4}',
    });
    const slow = failedItem(0, 'too slow', { cause: 'time-limit', errorClass: 'time-limit' });
    const late = failingTask(0, { items: [slow], where: place({ timeMs: 90_500 }) });
    expect(only([late], 'cause').command).toBe('slurmctl retry test-00000000 --cause time-limit --time 4m');
  });

  it('names tasks where a group is no kind of failure', () => {
    const on = (node: string, number: number) =>
      failingTask(number, { items: [failedItem(1, 'no row')], where: place({ node }) });
    const tasks = [on('n1', 4), on('n1', 5), on('n2', 6), on('n1', 9)];
    expect(remedies(tasks, 'node').map(({ command, commandItems }) => [command, commandItems])).toEqual([
      ['slurmctl retry test-00000000 --task 4-5,9', 3],
      ['slurmctl retry test-00000000 --task 6', 1],
    ]);
    const scattered = Array.from({ length: 300 }, (_, n) => on('n1', 2 * n));
    expect(only(scattered, 'node')).toMatchObject({ command: null, advice: expect.stringContaining('fingerprint') });
  });

  it('names the cause where a group has too many kinds for a command, and counts all of it', () => {
    const words = (n: number): string => String(n).replaceAll(/\d/g, (digit) => 'bcdfghjklm'[Number(digit)] ?? '');
    const tasks = Array.from({ length: 300 }, (_, n) =>
      failingTask(n, { items: [failedItem(0, `user ${words(n)} has no quota left here`)], hasEnded: n > 0 }),
    );
    const other = failingTask(300, { items: [failedItem(0, 'no row'), failedItem(1, 'no row', { cause: 'oom' })] });
    expect(only([...tasks, other])).toMatchObject({
      command: 'slurmctl retry test-00000000 --cause handler-error',
      commandItems: 300,
      rule: '{when: {cause: handler-error, error: "TypeError: user * has no quota left here*"}, do: fail}',
    });
  });

  it('is no command where nothing can run again, and says why', () => {
    const items = [failedItem(0, 'not JSON', { cause: 'bad-input', errorClass: 'bad-input' })];
    expect(only([failingTask(0, { items })])).toMatchObject({ command: null, rule: null });
    expect(only([failingTask(0, { attempts: [failedAttempt('node-fail', 'n1 died')] })]).advice).toContain('for good');
    const early = failingTask(0, { items: [failedItem(0, 'no row')], hasEnded: false });
    expect(only([early])).toMatchObject({ command: null, advice: expect.stringContaining('not ended yet') });
    const moved = { ...observedJob, whyNoRetry: 'It was handed over' };
    expect(only([failingTask(0, { items: [failedItem(0, 'no row')] })], 'cause', moved)).toMatchObject({
      command: null,
      advice: expect.stringContaining('It was handed over'),
    });
  });

  it('always has an advice, and options that retry understands', () => {
    for (const cause of CAUSE_NAMES)
      for (const by of ['fingerprint', 'cause', 'task'] as const) {
        const task = failingTask(3, { items: [failedItem(0, 'something odd', { cause, errorClass: cause })] });
        const { advice, command } = only([task], by);
        expect(advice).not.toBe('');
        const [, name, value] = /--(error|cause|task) (\S+)/.exec(command ?? '') ?? [];
        if (name !== undefined) expect(criteriaOf({ [name]: value }).text).toBe(`--${name} ${value}`);
      }
  });

  it('waits longer for trouble that passes', () => {
    const task = (message: string) => [failingTask(0, { items: [failedItem(0, message)] })];
    expect(only(task('connect ECONNREFUSED 10.0.0.1:443')).rule).toBe(
      '{when: {cause: handler-error, error: "TypeError: connect ECONNREFUSED *"}, do: retry, backoff: 30s..10m, times: 5}',
    );
    expect(only(task('no such column "a b"')).rule).toBe(
      '{when: {cause: handler-error, error: "TypeError: no such column *"}, do: fail}',
    );
  });
});

/** Whatever a program may say, with what terminals and YAML trip over. */
const message = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        'no row',
        ' ',
        '  ',
        '"',
        "'x'",
        '\\',
        '{',
        '#',
        '\n',
        '\u001b[31m',
        '\u202e',
        '😀',
        '*',
        '?',
        '7',
        '/a/b',
      ),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join('')),
);
const errorClass = fc.constantFrom('TypeError', 'Büro: Fehler', 'ExitError', 'handler-error', 'E');

describe('the rule of a remedy', () => {
  it('has a pattern that matches the failure it was made of', () => {
    fc.assert(
      fc.property(message, errorClass, (text, name) => {
        const failure = { cause: 'handler-error', errorClass: name, message: text } as const;
        const pattern = rulePattern(failure, templateOf(text));
        if (pattern !== null) expect(holds({ error: [pattern] }, failure)).toBe(true);
        if (text.startsWith('no row')) expect(pattern).not.toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  it('is an entry of retry.rules that decides about this failure', async () => {
    await fc.assert(
      fc.asyncProperty(message, errorClass, async (text, name) => {
        const { rule } = only([failingTask(0, { items: [failedItem(0, text, { errorClass: name })] })]);
        if (rule === null) return;
        const { spec } = await load(temp.path, `${MINIMAL}retry:\n  rules:\n    - ${rule}\n`);
        const facts = { cause: 'handler-error', errorClass: name, message: text } as const;
        expect(matchRule(effectiveRules(spec.retry), facts).name).toBe('rule 1 (job.yaml:5)');
      }),
      { numRuns: 100 },
    );
  });

  it('holds for other causes too', async () => {
    for (const cause of CAUSE_NAMES) {
      const { rule } = only([
        failingTask(0, { items: [failedItem(0, 'something odd', { cause, errorClass: cause })] }),
      ]);
      if (rule === null) continue;
      const { spec } = await load(temp.path, `${MINIMAL}retry:\n  rules:\n    - ${rule}\n`);
      const facts = { cause, errorClass: cause, message: 'something odd' };
      expect(matchRule(effectiveRules(spec.retry), facts).name).toBe('rule 1 (job.yaml:5)');
    }
  });
});
