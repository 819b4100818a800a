import { describe, expect, it } from 'vitest';
import { baselineOf, type Baseline } from '../../../src/observe/baseline.ts';
import { correlationsOf, type Sizes } from '../../../src/observe/correlations.ts';
import { taskIdOf } from '../../../src/domain/ids.ts';
import type { FailingTask } from '../../../src/observe/failing-task.ts';
import { createGrouper } from '../../../src/observe/group-failures.ts';
import { spansOf } from '../../../src/observe/time-spans.ts';
import { failedAttempt, failedItem, failingTask, GIB, HOUR_MS, place } from './failing-tasks.fixture.ts';

const SPANS = spansOf(0, 20 * HOUR_MS);
const BASELINE: Baseline = {
  of: 'finished items',
  total: 1_000,
  tasks: 100,
  byNode: new Map([
    ['n1', 900],
    ['n17', 50],
  ]),
  byTime: new Map([[5 * HOUR_MS, 100]]),
};

function told(tasks: readonly FailingTask[], more: { baseline?: Baseline; sizes?: Sizes } = {}): string[] {
  const grouper = createGrouper('fingerprint', SPANS);
  for (const task of tasks) grouper.add(task);
  const [group] = grouper.grouped().groups;
  if (group === undefined) throw new Error('no group');
  const compared = { by: 'fingerprint', spans: SPANS, baseline: BASELINE, sizes: null, ...more } as const;
  return correlationsOf({ ...compared, group }).map(({ kind, text }) => `${kind}: ${text}`);
}

/** Failures of `count` items in a task on `node`, in an attempt that ended in hour `hour`. */
const task = (number: number, node: string, { count = 2, hour = number } = {}): FailingTask =>
  failingTask(number, {
    items: Array.from({ length: count }, (_, item) => failedItem(item, 'no row')),
    where: place({ node, endedMs: (hour % 20) * HOUR_MS + 1 }),
  });
const range = (count: number, make: (n: number) => FailingTask): FailingTask[] =>
  Array.from({ length: count }, (_, n) => make(n));

describe('what stands out', () => {
  it('is a node that failed much more than it ran', () => {
    expect(told([...range(18, (n) => task(n, 'n17')), task(19, 'n1', { count: 1 })])).toEqual([
      'node: 97 % on node n17, which ran 5 % of the finished items',
    ]);
  });

  it('is not a node that ran most of the job, nor one with a task or two', () => {
    expect(told(range(18, (n) => task(n, 'n1')))).toEqual([]);
    expect(told([task(0, 'n17', { count: 40 }), task(1, 'n17', { count: 40 })])).toEqual([
      'task: 50 % in task 000000; the rest in 1 other',
    ]);
  });

  it('is not the only node or time of a job of which nothing succeeds, but is one of several', () => {
    const failing = (nodeOf: (n: number) => string, hourOf: (n: number) => number): FailingTask[] =>
      range(10, (n) =>
        failingTask(n, {
          attempts: [failedAttempt('oom', 'too big', place({ node: nodeOf(n), endedMs: hourOf(n) * HOUR_MS }))],
        }),
      );
    const among = (others: readonly FailingTask[], tasks: readonly FailingTask[]): string[] =>
      told(tasks, {
        baseline: baselineOf(
          [],
          new Map([...others, ...tasks].map((one, at) => [taskIdOf(at), one.attempts] as const)),
          SPANS,
        ),
      });
    const here = failing(
      () => 'n17',
      () => 5,
    );
    const elsewhere = failing(
      (n) => `n${n}`,
      (n) => n,
    );
    expect(among([], here)).toEqual([]);
    expect(among([...elsewhere, ...elsewhere], here)).toEqual([
      'node: 100 % on node n17, which ran 33 % of the attempts',
      expect.stringMatching(/^time: 100 % .*, as 40 % of the attempts did$/),
    ]);
  });

  it('is a span of time', () => {
    expect(told(range(6, (n) => task(n, `n${n}`, { hour: 5 })))).toEqual([
      'time: 100 % in attempts that ended between 1970-01-01 05:00 and 1970-01-01 06:00 UTC, as 10 % of the finished items did',
    ]);
  });

  it('is a task', () => {
    expect(told([task(0, 'n1', { count: 30 }), task(1, 'n2'), task(2, 'n3')])).toContain(
      'task: 88 % in task 000000; the rest in 2 others',
    );
  });

  it('is not a task of two, when half of it all is in it', () => {
    const two = { ...BASELINE, tasks: 2 };
    expect(told([task(0, 'n1', { count: 30 }), task(1, 'n2', { count: 30 })], { baseline: two })).toEqual([]);
  });

  it('is what memory was asked for, where it was not always the same', () => {
    const oom = (number: number, gib: number) =>
      failingTask(number, {
        attempts: [
          failedAttempt(
            'oom',
            'too big',
            place({ node: `n${number}`, memoryBytes: gib * GIB, endedMs: number * HOUR_MS }),
          ),
        ],
      });
    expect(told([oom(0, 2), oom(1, 2), oom(2, 3)])).toEqual(['memory: failed 2 with 2.0 GiB, 1 with 3.0 GiB']);
    expect(told([oom(0, 2), oom(1, 2)])).toEqual([]);
  });

  it('is the size of the input', () => {
    const few = range(3, (n) => task(n, 'n1'));
    expect(told(few, { sizes: { failed: [4_000, 5_000, 9_000], others: [90, 100, 120] } })).toEqual([
      'size: their records are larger: 4.9 KiB in the middle, against 100 B of others in the same tasks',
    ]);
    expect(told(few, { sizes: { failed: [100, 100, 100], others: [90, 100, 120] } })).toEqual([]);
    expect(told(few, { sizes: { failed: [1, 2], others: [900, 900, 900] } })).toEqual([]);
  });
});

it('spans of time are few, of equal length, and take in what lies outside', () => {
  for (const hours of [0, 0.5, 3, 30, 300, 30_000]) {
    const spans = spansOf(1_000, hours * HOUR_MS);
    expect((hours * HOUR_MS) / spans.widthMs).toBeLessThanOrEqual(49);
    expect(spans.of(-5)).toBe(spans.of(1_000));
    expect(spans.of(1e15)).toBe(spans.of(Math.max(1_000, hours * HOUR_MS)));
    expect(spans.of(1_000) % spans.widthMs).toBe(0);
  }
});
