import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { taskIdOf, type TaskId } from '../../../src/domain/ids.ts';
import { createTaskPicker, startSpreadMs, type PickerOptions } from '../../../src/worker/task-picker.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

const options = (more: Partial<PickerOptions>): PickerOptions => {
  const random = createSeededRandom(1);
  return { element: 0, elements: 1, tasks: 4, shards: 1, pull: true, random: () => random.next(), ...more };
};

/** What a picker tries when every look at a shard answers with `claimable`. */
function tries(
  more: Partial<PickerOptions>,
  claimable: (shard: number) => TaskId[] = () => [],
  lesser: (shard: number) => TaskId[] = () => [],
): { tasks: string[]; looks: number[] } {
  const picker = createTaskPicker(options(more));
  const seen = { tasks: [] as string[], looks: [] as number[] };
  for (let next = picker.next(); next.step !== 'done'; next = picker.next()) {
    if (next.step === 'claim') seen.tasks.push(next.task);
    else {
      seen.looks.push(next.shard);
      picker.found({ own: claimable(next.shard), lesser: lesser(next.shard) });
    }
  }
  return seen;
}

describe('task picker', () => {
  it('starts with its own stride', () => {
    expect(tries({ element: 1, elements: 3, tasks: 8 }).tasks).toEqual(['000001', '000004', '000007']);
  });

  it('leaves out what the element ran before it was restarted', () => {
    const picker = createTaskPicker(options({ tasks: 3 }));
    picker.exclude(taskIdOf(0));
    picker.exclude(taskIdOf(2));
    expect([picker.next(), picker.next()]).toEqual([
      { step: 'claim', task: '000001' },
      { step: 'look', shard: 0 },
    ]);
    picker.found({ own: [taskIdOf(2)], lesser: [] });
    expect(picker.next()).toEqual({ step: 'done' });
  });

  it('takes the stride through the list of a later wave', () => {
    const tasks = [5, 9, 11].map((number) => taskIdOf(number));
    expect(tries({ element: 1, elements: 2, tasks }).tasks).toEqual(['000009']);
  });

  it('looks once into every shard when its stride is used up, and again only after finding something', () => {
    expect(tries({ shards: 3 }).looks.toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
    const found = tries({ element: 0, elements: 2, tasks: 4, shards: 2 }, (shard) =>
      shard === 1 ? [taskIdOf(1), taskIdOf(3)] : [],
    );
    expect(found.tasks.toSorted()).toEqual(['000000', '000001', '000002', '000003']);
    expect(found.looks).toHaveLength(4);
  });

  it('never looks when it must not pull', () => {
    expect(tries({ element: 2, elements: 4, pull: false, shards: 5 })).toEqual({ tasks: ['000002'], looks: [] });
  });

  it('an element beyond the tasks goes straight to looking', () => {
    expect(tries({ element: 9, elements: 10, tasks: 4 }).tasks).toEqual([]);
  });

  it('takes tasks that ask for less only when a whole pass showed none of its own, and a few at a time', () => {
    const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => taskIdOf(from + n));
    let looks = 0;
    const seen = tries(
      { tasks: [], shards: 2 },
      (shard) => ((looks += 1) === 5 && shard >= 0 ? ids(90, 92) : []),
      (shard) => (shard === 0 ? ids(0, 20) : []),
    );
    const lesser = seen.tasks.filter((task) => Number(task) < 20);
    expect([lesser.length, seen.tasks.length]).toEqual([20, 22]);
    // Two looks found nothing of its own; of what the next two showed, at most eight were taken before the fifth look.
    const own = seen.tasks.findIndex((task) => Number(task) >= 90);
    expect(own).toBeGreaterThan(0);
    expect(own).toBeLessThanOrEqual(8);
    // After its own were found, a whole pass without any comes first again.
    expect(seen.looks.length).toBeGreaterThanOrEqual(9);
  });

  it('all elements together try every task first by its own element, none twice', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 60 }), (elements, tasks) => {
        const all = Array.from({ length: elements }, (_, element) => tries({ element, elements, tasks }).tasks).flat();
        expect(new Set(all).size).toBe(all.length);
        expect(all.length).toBe(tasks);
      }),
    );
  });

  it('tries no task twice, however often a shard shows it, and ends', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 })), fc.integer({ min: 1, max: 4 }), (shown, shards) => {
        const seen = tries({ tasks: 6, elements: 2, shards }, () => shown.map((number) => taskIdOf(number)));
        expect(new Set(seen.tasks).size).toBe(seen.tasks.length);
        expect(new Set(seen.tasks)).toEqual(new Set([0, 2, 4, ...shown].map((number) => taskIdOf(number))));
      }),
    );
  });
});

it('the spread of starts grows with pulling elements up to two seconds', () => {
  expect([1, 10, 400, 10_000].map((elements) => startSpreadMs(elements, true))).toEqual([5, 50, 2_000, 2_000]);
  expect(startSpreadMs(500, false)).toBe(0);
});
