import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSeed, type SeedResult } from './run-seed.ts';

/** Run by scripts/test; `npm run simulate -- --seeds 20000` runs many more. */
const SEEDS = 400;
const PER_TEST = 50;
/** Of this many the second run must give the same trace. */
const TWICE = 12;

const told = ({ seed, violations }: SeedResult): string =>
  `seed ${seed}: ${violations.map(({ invariant, message }) => `${invariant}: ${message}`).join('; ')}; see: npm run simulate -- --seed ${seed}`;

const rejected: unknown[] = [];
const onRejection = (error: unknown): void => void rejected.push(error);
beforeAll(() => void process.on('unhandledRejection', onRejection));
afterAll(() => void process.off('unhandledRejection', onRejection));

describe('the rooms under faults', () => {
  const states = new Map<string, number>();
  const sums = { waves: 0, attempts: 0, reopened: 0, processes: 0, kept: 0, adopted: 0 };

  it.each(Array.from({ length: SEEDS / PER_TEST }, (_, at) => at * PER_TEST + 1))(
    `keep every promise in seeds from %i on`,
    async (first) => {
      const red: string[] = [];
      for (let seed = first; seed < first + PER_TEST; seed += 1) {
        const result = await runSeed(seed);
        if (result.violations.length > 0) red.push(told(result));
        for (const state of result.states) states.set(state, (states.get(state) ?? 0) + 1);
        for (const name of ['waves', 'attempts', 'reopened', 'processes', 'kept', 'adopted'] as const)
          sums[name] += result.counts[name];
      }
      expect(red).toEqual([]);
      expect(rejected).toEqual([]);
    },
  );

  it('meet enough trouble for that to mean something', () => {
    for (const state of ['COMPLETED', 'COMPLETED_WITH_FAILURES', 'FAILED', 'CANCELLED'])
      expect(states.get(state) ?? 0, state).toBeGreaterThan(SEEDS / 100);
    expect(sums.waves).toBeGreaterThan(SEEDS * 1.2);
    expect(sums.processes).toBeGreaterThan(SEEDS * 8);
    expect(sums.reopened).toBeGreaterThan(SEEDS / 100);
    expect(sums.adopted).toBeGreaterThan(SEEDS / 100);
    expect(sums.kept).toBeGreaterThan(sums.adopted);
  });

  it.each(Array.from({ length: TWICE }, (_, at) => 7 + at * 31))('seed %i runs the same way twice', async (seed) => {
    const first = await runSeed(seed);
    const second = await runSeed(seed);
    expect(second.trace.hash()).toBe(first.trace.hash());
    expect(first.events).toBeGreaterThan(100);
  });
});
