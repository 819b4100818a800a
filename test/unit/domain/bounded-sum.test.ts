import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBoundedSum } from '../../../src/domain/bounded-sum.ts';

const stream = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'), fc.integer({ min: 1, max: 5 })),
  { maxLength: 80 },
);
type Stream = readonly (readonly [key: string, amount: number])[];

const truthOf = (additions: Stream): Map<string, number> => {
  const all = new Map<string, number>();
  for (const [key, amount] of additions) all.set(key, (all.get(key) ?? 0) + amount);
  return all;
};
const summed = (additions: Stream, limit: number) => {
  const sum = createBoundedSum<string>(limit);
  for (const [key, amount] of additions) sum.add(key, amount, key);
  return sum;
};

describe('a bounded sum', () => {
  it('is exact, in whatever order, while there is room', () => {
    fc.assert(
      fc.property(stream, (additions) => {
        const sum = summed(additions, 10);
        const truth = truthOf(additions);
        expect(new Map(sum.entries().map(({ key, amount }) => [key, amount]))).toEqual(truth);
        expect(sum.entries()).toEqual(summed(additions.toReversed(), 10).entries());
        expect(sum.total()).toBe([...truth.values()].reduce((total, amount) => total + amount, 0));
      }),
    );
  });

  it('without room never grows, never tells too much, and keeps whatever has more than its share', () => {
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 4 }), (additions, half) => {
        const sum = summed(additions, 2 * half);
        const truth = truthOf(additions);
        const total = [...truth.values()].reduce((all, amount) => all + amount, 0);
        const told = new Map(sum.entries().map(({ key, amount }) => [key, amount]));
        expect(told.size).toBeLessThanOrEqual(2 * half);
        expect(sum.total()).toBe([...told.values()].reduce((all, amount) => all + amount, 0));
        for (const [key, amount] of told) expect(amount).toBeLessThanOrEqual(truth.get(key) ?? 0);
        for (const [key, amount] of truth) if (amount > total / half) expect(told.has(key), key).toBe(true);
      }),
    );
  });

  it('keeps what comes now and then among ever others', () => {
    const sum = createBoundedSum<number>(8);
    for (let turn = 0; turn < 10_000; turn += 1) {
      sum.add(`once ${turn}`, 1, turn);
      if (turn % 2 === 0) sum.add('often', 1, turn);
    }
    const [first] = sum.entries();
    expect(first).toMatchObject({ key: 'often', value: 0 });
    expect(first?.amount).toBeGreaterThan(4_990);
    expect(first?.amount).toBeLessThanOrEqual(5_000);
  });

  it('does not keep what was large once at the price of what is large by and by', () => {
    const sum = createBoundedSum<null>(4);
    for (const key of ['early', 'early too']) sum.add(key, 10, null);
    for (let turn = 0; turn < 100; turn += 1)
      for (const [key, amount] of [['steady', 3] as const, [`a ${turn}`, 1] as const, [`b ${turn}`, 1] as const])
        sum.add(key, amount, null);
    expect(sum.entries().map(({ key }) => key)).toContain('steady');
  });

  it('costs the same however many keys there are', () => {
    const sum = createBoundedSum<null>(4_096);
    const startedMs = performance.now();
    for (let key = 0; key < 200_000; key += 1) sum.add(`key ${key}`, 1, null);
    expect(performance.now() - startedMs).toBeLessThan(5_000);
    expect(sum.entries().length).toBeLessThanOrEqual(4_096);
  });
});
