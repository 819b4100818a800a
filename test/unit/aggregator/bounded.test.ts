import { expect, test } from 'vitest';
import { mapBounded } from '../../../src/aggregator/bounded.ts';

test('keeps the order of the items and never has more than the limit under way', async () => {
  let underWay = 0;
  let most = 0;
  const doubled = await mapBounded([5, 4, 3, 2, 1], 2, async (value) => {
    most = Math.max(most, (underWay += 1));
    for (let turn = 0; turn < value; turn += 1) await Promise.resolve();
    underWay -= 1;
    return value * 2;
  });
  expect(doubled).toEqual([10, 8, 6, 4, 2]);
  expect(most).toBe(2);
});

test('the first failure ends it, after what is under way has ended', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const run = mapBounded([0, 1, 2, 3], 2, async (value) => {
    begun.push(value);
    if (value === 0) throw new Error('first');
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    ended.push(value);
  });
  await expect(run).rejects.toThrow('first');
  expect(begun).toEqual([0, 1]);
  expect(ended).toEqual([1]);
});

test('nothing to do', async () => {
  expect(await mapBounded([], 4, () => Promise.resolve(1))).toEqual([]);
});
