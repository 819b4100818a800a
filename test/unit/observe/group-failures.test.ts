import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GROUPINGS, type Grouping } from '../../../src/domain/error-grouping.ts';
import type { FailingTask } from '../../../src/observe/failing-task.ts';
import type { Group } from '../../../src/observe/group.ts';
import { createGrouper, MOST_TOLD, type Grouped } from '../../../src/observe/group-failures.ts';
import { spansOf } from '../../../src/observe/time-spans.ts';
import { failedAttempt, failedItem, failingTask, failingTasks, HOUR_MS, place } from './failing-tasks.fixture.ts';

const SPANS = spansOf(0, 2 * HOUR_MS);

function group(tasks: readonly FailingTask[], by: Grouping = 'fingerprint', mostKept?: number): Grouped {
  const grouper = createGrouper(by, SPANS, mostKept);
  for (const task of tasks) grouper.add(task);
  return grouper.grouped();
}

const sum = (groups: readonly Group[], what: 'items' | 'attempts' | 'endedItems'): number =>
  groups.reduce((total, one) => total + one[what], 0);

/** Everything that is told of a group, as plain data. */
const plain = (one: Group) => ({
  ...one,
  tasks: [...one.tasks.values()].toSorted((a, b) => a - b),
  endedTasks: [...one.endedTasks.values()].toSorted((a, b) => a - b),
  causes: new Set([...one.causes].map((entry) => JSON.stringify(entry))),
  fingerprints: one.fingerprints.entries(),
  nodes: one.nodes.entries(),
  byTask: one.byTask.entries(),
  memory: one.memory.entries(),
  times: new Set([...one.times].map((entry) => JSON.stringify(entry))),
});

describe('groups of failures', () => {
  it('hold every failure once, in whatever order the tasks come', () => {
    fc.assert(
      fc.property(failingTasks, fc.constantFrom(...GROUPINGS), fc.infiniteStream(fc.nat()), (tasks, by, random) => {
        const grouped = group(tasks, by);
        const all = tasks.flatMap((task) => task.items);
        expect(grouped.items).toBe(all.length);
        expect(grouped.attempts).toBe(tasks.flatMap((task) => task.attempts).length);
        expect(sum(grouped.groups, 'items')).toBe(grouped.items);
        expect(sum(grouped.groups, 'attempts')).toBe(grouped.attempts);
        expect(grouped.others).toEqual({ groups: 0, items: 0, attempts: 0 });
        const shuffled = tasks
          .map((task) => ({ task, at: random.next().value as number }))
          .toSorted((a, b) => a.at - b.at)
          .map(({ task }) => task);
        expect(group(shuffled, by).groups.map(plain)).toEqual(grouped.groups.map(plain));
      }),
    );
  });

  it('lose nothing when there are more kinds than are kept', () => {
    fc.assert(
      fc.property(failingTasks, fc.integer({ min: 1, max: 5 }), (tasks, half) => {
        const { groups, others, items, attempts } = group(tasks, 'fingerprint', 2 * half);
        expect(groups.length).toBeLessThanOrEqual(2 * half);
        expect(sum(groups, 'items') + others.items).toBe(items);
        expect(sum(groups, 'attempts') + others.attempts).toBe(attempts);
        for (const one of groups) expect(one.causes.size).toBe(1);
      }),
    );
  });

  it('are put together where they read alike when there are very many, and never across causes or classes', () => {
    const tasks = Array.from({ length: 600 }, (_, n) =>
      failingTask(n, {
        items: [
          failedItem(0, `user ${nameOf(n)} has no quota left here`, n % 2 === 0 ? {} : { errorClass: 'QuotaError' }),
          failedItem(1, `user ${nameOf(n)} has no quota left here`, { cause: 'bad-output' }),
        ],
      }),
    );
    const few = group(tasks.slice(0, 50));
    expect(few.groups).toHaveLength(100);
    const { groups } = group(tasks);
    expect(group(tasks.toReversed()).groups.map(plain)).toEqual(groups.map(plain));
    expect(groups.map(({ items, template, tasks: of }) => [items, template, of.size])).toEqual([
      [600, 'user <*> has no quota left here', 600],
      [300, 'user <*> has no quota left here', 300],
      [300, 'user <*> has no quota left here', 300],
    ]);
    const kinds = groups.map(({ causes, sample }) => `${[...causes.keys()].join()} ${sample.errorClass}`);
    expect(kinds.toSorted()).toEqual(['bad-output TypeError', 'handler-error QuotaError', 'handler-error TypeError']);
  });

  it('are bounded in number, whatever comes', () => {
    const tasks = Array.from({ length: 1_500 }, (_, n) =>
      failingTask(n, { items: [failedItem(0, `${nameOf(n)} ${nameOf(n * 7 + 1)} ${nameOf(n * 13 + 5)}`)] }),
    );
    const { groups, others, isCut } = group(tasks, 'fingerprint', 400);
    expect(groups).toHaveLength(MOST_TOLD);
    expect(isCut).toBe(true);
    expect(others.items + sum(groups, 'items')).toBe(1_500);
  });

  it('tell who is meant: items before attempts, the first of the input, ended tasks apart', () => {
    const grouped = group([
      failingTask(7, { items: [failedItem(4, 'no row 4'), failedItem(2, 'no row 2')], hasEnded: false }),
      failingTask(3, { attempts: [failedAttempt('oom', 'too big')] }),
      failingTask(9, { items: [failedItem(0, 'no row 0')], where: place({ node: 'n2', endedMs: HOUR_MS }) }),
    ]);
    const [rows, oom] = grouped.groups;
    expect(rows).toMatchObject({ items: 3, attempts: 0, endedItems: 1, firstMs: 0, lastMs: HOUR_MS });
    expect(rows?.sample).toMatchObject({ message: 'no row 2', item: { itemId: 'item-2' } });
    expect(rows?.nodes.entries()).toEqual([
      { key: 'n1', items: 2, attempts: 0 },
      { key: 'n2', items: 1, attempts: 0 },
    ]);
    expect(oom).toMatchObject({ items: 0, attempts: 1, sample: { cause: 'oom', item: null } });
    expect([...grouped.endedItems]).toEqual([['handler-error', 1]]);
  });
});

/** A word without digits, another one for each number. */
const nameOf = (n: number): string =>
  String(n)
    .split('')
    .map((digit) => 'bcdfghjklm'[Number(digit)])
    .join('o');
