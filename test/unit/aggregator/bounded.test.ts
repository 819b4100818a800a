import { describe, expect, test } from 'vitest';
import { mapBounded, streamBounded } from '../../../src/aggregator/bounded.ts';

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

describe('a stream', () => {
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
  };

  test('has the order of the items, and never more than the limit that were not taken', async () => {
    let [begun, taken, most] = [0, 0, 0];
    const all: number[] = [];
    const stream = streamBounded([5, 4, 3, 2, 1], 2, async (value) => {
      most = Math.max(most, (begun += 1) - taken);
      await turns(value);
      return value * 2;
    });
    for await (const value of stream) {
      all.push(value);
      taken += 1;
      await turns(20);
    }
    expect(all).toEqual([10, 8, 6, 4, 2]);
    expect(most).toBeLessThanOrEqual(3);
  });

  test('a failure comes in its turn, and what is under way has ended by then', async () => {
    const ended: number[] = [];
    const taken: number[] = [];
    const stream = streamBounded([0, 1, 2, 3, 4, 5], 3, async (value) => {
      await turns(value === 1 ? 1 : 10);
      if (value === 1) throw new Error('second');
      ended.push(value);
      return value;
    });
    const reading = (async () => {
      for await (const value of stream) taken.push(value);
    })();
    await expect(reading).rejects.toThrow('second');
    expect(taken).toEqual([0]);
    expect(ended).toEqual([0, 2, 3]);
  });

  test('whoever stops taking leaves nothing under way', async () => {
    let underWay = 0;
    const stream = streamBounded([1, 2, 3, 4], 3, async (value) => {
      underWay += 1;
      await turns(10);
      underWay -= 1;
      return value;
    });
    for await (const value of stream) if (value === 1) break;
    expect(underWay).toBe(0);
  });
});
