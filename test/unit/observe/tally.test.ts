import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNumberSet } from '../../../src/observe/number-set.ts';
import { createTally } from '../../../src/observe/tally.ts';

const stream = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), fc.nat(5), fc.nat(3)),
  { maxLength: 80 },
);

const exact = (counts: readonly (readonly [string, number, number])[]): Map<string, number> => {
  const all = new Map<string, number>();
  for (const [key, items, attempts] of counts) all.set(key, (all.get(key) ?? 0) + items + attempts);
  return all;
};

describe('a tally', () => {
  it('is exact, in whatever order, while there is room', () => {
    fc.assert(
      fc.property(stream, (counts) => {
        const tally = createTally(10);
        const backwards = createTally(10);
        for (const [key, items, attempts] of counts) tally.add(key, items, attempts);
        for (const [key, items, attempts] of counts.toReversed()) backwards.add(key, items, attempts);
        expect(tally.entries()).toEqual(backwards.entries());
        const sums = new Map(tally.entries().map(({ key, items, attempts }) => [key, items + attempts]));
        expect(sums).toEqual(exact(counts));
      }),
    );
  });

  it('without room never grows, never tells too much, and keeps whatever has more than its share', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 5 }), (counts, limit) => {
        const tally = createTally(limit);
        for (const [key, items, attempts] of counts) tally.add(key, items, attempts);
        expect(tally.size).toBeLessThanOrEqual(limit);
        const all = exact(counts);
        const total = [...all.values()].reduce((sum, weight) => sum + weight, 0);
        const told = new Map(tally.entries().map(({ key, items, attempts }) => [key, items + attempts]));
        for (const [key, weight] of told) expect(weight).toBeLessThanOrEqual(all.get(key) ?? 0);
        for (const [key, weight] of all) if (weight > total / limit) expect(told.has(key)).toBe(true);
      }),
    );
  });

  it('keeps what comes now and then among ever others, if it has more than its share', () => {
    const tally = createTally(3);
    for (const key of ['a', 'a', 'b', 'b']) tally.add(key, 1, 0);
    for (let turn = 0; turn < 6; turn += 1) {
      tally.add('often', 1, 0);
      tally.add(`once ${turn}`, 1, 0);
    }
    expect(tally.entries().map(({ key }) => key)).toContain('often');
  });
});

it('a set of numbers holds what was added, once', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000)), fc.array(fc.nat(100_000)), (some, more) => {
      const set = createNumberSet();
      const other = createNumberSet();
      for (const number of some) set.add(number);
      for (const number of more) other.add(number);
      set.addAll(other);
      const expected = new Set([...some, ...more]);
      expect(new Set(set.values())).toEqual(expected);
      expect(set.size).toBe(expected.size);
    }),
  );
});
