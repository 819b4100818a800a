import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { feedTarget, sizeArrays, type Feeding, type SizedArray } from '../../../src/coordinator/right-size.ts';

const seen = (more: Partial<Feeding>): Feeding => ({
  fed: 12,
  queue: 'long',
  allowed: 200,
  running: 60,
  waitingShare: null,
  idleAt: 0,
  ...more,
});

describe('how many elements a limit is to feed', () => {
  it('is what it feeds while calls queue, and never fewer than were seen busy', () => {
    expect(feedTarget(seen({}))).toBe(12);
    expect(feedTarget(seen({ waitingShare: 0.5 }))).toBe(36);
    expect(feedTarget(seen({ waitingShare: 0.95 }))).toBe(12);
  });

  it('is not lowered before a queue is seen', () => {
    expect(feedTarget(seen({ queue: 'unknown' }))).toBe(200);
    expect(feedTarget(seen({ queue: 'unknown', allowed: 4 }))).toBe(12);
  });

  it('grows while nobody waits, and does not fall back to what was too few', () => {
    expect(feedTarget(seen({ queue: 'none', allowed: 12 }))).toBe(18);
    expect(feedTarget(seen({ queue: 'none', allowed: 2 }))).toBe(12);
    expect(feedTarget(seen({ idleAt: 12, allowed: 18 }))).toBe(15);
  });
});

const array = (more: Partial<SizedArray>): SizedArray => ({
  ceiling: 200,
  current: 200,
  running: 60,
  waiting: 140,
  ...more,
});

describe('how many elements of each array may run', () => {
  it('shares the target among arrays with elements that have not started', () => {
    expect(sizeArrays([array({})], 12)).toEqual([12]);
    expect(sizeArrays([array({}), array({ ceiling: 100, current: 100, running: 0, waiting: 100 })], 12)).toEqual([
      8, 4,
    ]);
    expect(sizeArrays([array({ running: 10, waiting: 0 }), array({})], 12)).toEqual([200, 2]);
  });

  it('leaves alone what differs by a quarter at most, and lifts the throttle where all are fed', () => {
    expect(sizeArrays([array({ current: 12 })], 15)).toEqual([12]);
    expect(sizeArrays([array({ current: 12 })], 9)).toEqual([12]);
    expect(sizeArrays([array({ current: 12 })], 16)).toEqual([16]);
    expect(sizeArrays([array({ current: 12 })], 8)).toEqual([8]);
    expect(sizeArrays([array({ current: 190 })], 400)).toEqual([200]);
  });

  const arrays = fc.array(
    fc
      .record({
        ceiling: fc.integer({ min: 1, max: 2_000 }),
        current: fc.integer({ min: 1, max: 2_000 }),
        running: fc.integer({ min: 0, max: 2_000 }),
        waiting: fc.integer({ min: 0, max: 2_000 }),
      })
      .map((one) => ({ ...one, current: Math.min(one.current, one.ceiling) })),
    { maxLength: 6 },
  );
  const target = fc.integer({ min: 0, max: 5_000 });
  const after = (all: readonly SizedArray[], sizes: readonly number[]): SizedArray[] =>
    all.map((one, at) => ({ ...one, current: sizes[at] as number }));

  it('is between 1 and what the user allows, and decided once: the same sight again changes nothing', () => {
    fc.assert(
      fc.property(arrays, target, (all, most) => {
        const sizes = sizeArrays(all, most);
        for (const [at, size] of sizes.entries()) {
          expect(Number.isInteger(size) && size >= 1).toBe(true);
          expect(size).toBeLessThanOrEqual((all[at] as SizedArray).ceiling);
        }
        expect(sizeArrays(after(all, sizes), most)).toEqual(sizes);
      }),
    );
  });

  it('writes nothing for a target that wavers by a tenth around what was set, however often', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 1_000 }),
        fc.array(fc.double({ min: 0.9, max: 1.1, noNaN: true })),
        (most, noise) => {
          const all = [array({ ceiling: 2_000, current: 2_000, running: 500, waiting: 1_500 })];
          let sizes = sizeArrays(all, most);
          const first = sizes;
          for (const factor of noise) sizes = sizeArrays(after(all, sizes), Math.round(most * factor));
          expect(sizes).toEqual(first);
        },
      ),
    );
  });

  it('follows the target: a higher one never gives an array less', () => {
    fc.assert(
      fc.property(arrays, target, target, (all, a, b) => {
        const [low, high] = [sizeArrays(all, Math.min(a, b)), sizeArrays(all, Math.max(a, b))];
        for (const [at, size] of low.entries()) expect(high[at]).toBeGreaterThanOrEqual(size);
      }),
    );
  });
});
