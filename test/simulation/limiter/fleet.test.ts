import { describe, expect, it } from 'vitest';
import type { StateCondition } from '../../../src/ports/state-table.ts';
import { jain, runFleet, type FleetPlan, type FleetResult } from './fleet.ts';
import { calm, drawFleet, limitOf } from './plans.ts';
import { EPOCH_MS } from './worker.ts';

const SEEDS = 24;
const PER_TEST = 8;
/** The first turns come while everybody starts, the last ones while nothing is bought any more. */
const START_MS = 20_000;

/** Calls are those sold: what 2,000 processes hold when a run stops in their midst is neither lost nor made. */
const figuresOf = (plan: FleetPlan, result: FleetResult, soldPerMs: number) => {
  const ledger = result.ledgers.get('requests')!;
  const beyond = (windowMs: number): number => ledger.fullest(windowMs).units / ((soldPerMs / 0.99) * windowMs) - 1;
  return {
    utilisation: ledger.between(START_MS, plan.lengthMs) / (soldPerMs * (plan.lengthMs - START_MS)),
    fairness: jain(result.perWorker),
    writesPerCall: result.writes / (result.item.sold['requests'] as number),
    refusedShare: result.refusedWrites / result.writes,
    beyond10s: beyond(10_000),
    beyond60s: beyond(60_000),
  };
};

/** What a limit promises where nothing goes wrong and `callsAtOnce` are bought by one write. */
function expectWithinBars(figures: ReturnType<typeof figuresOf>, callsAtOnce: number): void {
  expect(figures.utilisation).toBeGreaterThan(0.97);
  expect(figures.fairness).toBeGreaterThan(0.95);
  expect(figures.writesPerCall).toBeLessThan(1.1 / callsAtOnce + 0.01);
  expect(figures.beyond60s).toBeLessThan(0.01);
  expect(figures.beyond10s).toBeLessThan(0.05);
}

describe('a fleet without trouble', () => {
  it('of 2,000 processes uses what is sold, fairly, within the rate, at a write for four calls', async () => {
    const plan: FleetPlan = { ...calm, lengthMs: 500_000 };
    const result = await runFleet(plan);
    expect(result.violations).toEqual([]);
    const figures = figuresOf(plan, result, 0.099);
    expectWithinBars(figures, 4);
    expect(figures.refusedShare).toBeLessThan(0.02);
  });

  it('of 50 processes with 8 calls at once each buys twenty calls at a time', async () => {
    // What was saved up may be used beyond the rate: none here, so that it is not taken for a fault.
    const definition = limitOf(30_000, { burstMs: 0 });
    const plan: FleetPlan = {
      ...calm,
      workers: 50,
      definition,
      habits: { ...calm.habits, inFlight: 8 },
      lengthMs: 120_000,
    };
    const result = await runFleet(plan);
    expect(result.violations).toEqual([]);
    const figures = figuresOf(plan, result, 0.495);
    expectWithinBars(figures, 20);
  });
});

describe('a table that is slow', () => {
  const slow: FleetPlan = {
    ...calm,
    definition: limitOf(1_800, { burstMs: 0 }),
    weather: { ...calm.weather, hopMs: [200, 800] },
    habits: { ...calm.habits, inFlight: 2, latencyMs: [40, 80] },
    lengthMs: 140_000,
  };

  it('makes forty processes wait no longer for each other', async () => {
    const plan: FleetPlan = { ...slow, workers: 40 };
    const result = await runFleet(plan);
    expect(result.violations).toEqual([]);
    const figures = figuresOf(plan, result, 0.0297);
    const aheadMs = (result.item.t as number) / 1_000 - EPOCH_MS - plan.lengthMs;
    expect(figures.utilisation).toBeGreaterThan(0.97);
    expect(figures.fairness).toBeGreaterThan(0.97);
    expect(figures.writesPerCall).toBeLessThan(1.1 / 2 + 0.01);
    expect(aheadMs).toBeLessThan(5_000);
  });

  it('leaves no gaps between the purchases of one process that has nobody to share with', async () => {
    const plan: FleetPlan = { ...slow, workers: 1, habits: { ...slow.habits, inFlight: 8 } };
    const result = await runFleet(plan);
    expect(result.violations).toEqual([]);
    expect(figuresOf(plan, result, 0.0297).utilisation).toBeGreaterThan(0.9);
  });
});

describe('a fleet on a file server that is slow to write', () => {
  const slow: FleetPlan = {
    ...calm,
    workers: 40,
    definition: limitOf(3_000, { burstMs: 0 }),
    weather: { ...calm.weather, hopMs: [100, 600] },
    habits: { ...calm.habits, inFlight: 4, latencyMs: [150, 260] },
    lengthMs: 85_000,
  };

  it.each([2, 5, 40])('of %i processes uses what is sold, fairly', async (workers) => {
    const habits = { ...slow.habits, inFlight: Math.max(4, 20 / workers) };
    const plan = { ...slow, workers, habits };
    const result = await runFleet(plan);
    expect(result.violations).toEqual([]);
    const figures = figuresOf(plan, result, 0.0495);
    expect(figures.utilisation).toBeGreaterThan(0.97);
    expect(figures.fairness).toBeGreaterThan(0.95);
    expect(figures.beyond60s).toBeLessThan(0.01);
    expect(figures.beyond10s).toBeLessThan(0.05);
  });

  it('shares fairly when little of its time is left', async () => {
    const result = await runFleet({ ...slow, habits: { ...slow.habits, lifeMs: 77_000 }, lengthMs: 57_000 });
    expect(jain(result.perWorker)).toBeGreaterThan(0.95);
  });
});

describe('a fleet that does not run whenever it is to', () => {
  const busy: FleetPlan = {
    ...calm,
    workers: 40,
    definition: limitOf(3_000, { burstMs: 0 }),
    habits: { ...calm.habits, inFlight: 4, latencyMs: [150, 260] },
    lengthMs: 90_000,
    spreadMs: 50,
  };
  const stalling = (nodes: number, everyMs: number, lastMs: readonly [number, number]): FleetPlan => ({
    ...busy,
    stalls: { nodes, everyMs, lastMs },
  });

  it.each([
    ['whose processes all stand still now and then, each by itself', stalling(40, 5_000, [200, 1_000])],
    ['whose processes stand still for seconds, each by itself', stalling(40, 20_000, [1_000, 3_000])],
    ['on ten nodes that stand still now and then', stalling(10, 20_000, [200, 1_000])],
    ['whose handlers keep their processes busy', { ...busy, habits: { ...busy.habits, busyMs: [0, 1_500] } }],
  ] as const)('%s, keeps within its bars: lateness evens out', async (_, plan) => {
    const result = await runFleet(plan);
    expect(result.violations).toEqual([]);
    const figures = figuresOf(plan, result, 0.0495);
    expect(figures.utilisation).toBeGreaterThan(0.97);
    expect(figures.beyond60s).toBeLessThan(0.01);
    expect(figures.beyond10s).toBeLessThan(0.05);
  });

  it.each([1_000, 2_000])(
    'and stands still as a whole for %i ms, catches up with that and no more',
    async (stillMs) => {
      const plan = stalling(1, 30_000, [stillMs, stillMs]);
      const result = await runFleet(plan);
      expect(result.violations).toEqual([]);
      const figures = figuresOf(plan, result, 0.0495);
      expect(figures.utilisation).toBeGreaterThan(0.97);
      // What is seen in ten calm seconds, and what was missed.
      expect(figures.beyond10s).toBeLessThan(0.04 + stillMs / 10_000);
      expect(figures.beyond10s).toBeGreaterThan(0.05);
    },
  );
});

describe('a fleet of which most go', () => {
  it('leaves their turns to the others, and sells none twice', async () => {
    const closing = { atMs: 150_000, workers: 1_800 };
    const result = await runFleet({ ...calm, lengthMs: 300_000, closing });
    expect(result.violations).toEqual([]);
    const ledger = result.ledgers.get('requests')!;
    // Those who stay had slots up to 80 s away, and look after half of their wait.
    expect(ledger.between(150_000, 300_000) / (0.099 * 150_000)).toBeGreaterThan(0.75);
    expect(ledger.between(200_000, 300_000) / (0.099 * 100_000)).toBeGreaterThan(0.97);
    expect(ledger.fullest(10_000).units / 1_000 - 1).toBeLessThan(0.06);
    expect(ledger.fullest(60_000).units / 6_000 - 1).toBeLessThan(0.01);
  });
});

describe('a fleet of 500 processes whose provider refuses everybody at once', () => {
  it.each([
    ['a database', [5, 40], 40],
    ['a file server', [100, 600], 200],
  ] as const)('slows down once, and most find that out by a look: %s', async (_, hopMs, most) => {
    const result = await runFleet({
      ...calm,
      workers: 500,
      definition: limitOf(60_000, { burstMs: 0 }),
      weather: { ...calm.weather, hopMs },
      lengthMs: 18_000,
      refusesWithin: [10_000, 11_000],
    });
    expect(result.refusedCalls).toBeGreaterThan(400);
    expect(result.item).toMatchObject({ refusals: 1, m: 700_000 });
    expect(result.reports).toBeLessThan(most);
    // Told with the purchases that follow, so that it costs nothing: the last ones are still to come.
    expect((result.item.answers429 ?? 0) / result.refusedCalls).toBeGreaterThan(0.9);
    expect((result.item.answers429 ?? 0) / result.refusedCalls).toBeLessThanOrEqual(1);
  });
});

describe('a fleet in trouble', () => {
  it.each(Array.from({ length: SEEDS / PER_TEST }, (_, at) => at * PER_TEST + 1))(
    'keeps its promises in seeds from %i on',
    async (first) => {
      const red: string[] = [];
      for (let seed = first; seed < first + PER_TEST; seed += 1)
        for (const violation of (await runFleet(drawFleet(seed, 60))).violations)
          red.push(`seed ${seed}: ${violation}`);
      expect(red).toEqual([]);
    },
  );

  it('of 2,000 processes does so as well', async () => {
    // What the provider refuses goes with the rates that were drawn.
    const { definition, refusesAbove, ...trouble } = drawFleet(5, 2_000);
    void [definition, refusesAbove];
    const plan: FleetPlan = {
      ...trouble,
      definition: { ...limitOf(6_000), mode: 'hard' },
      changes: [{ atMs: 70_000, definition: { ...limitOf(3_000), mode: 'hard' } }],
      weather: { hopMs: [5, 60], refused: 0.01, lost: 0.02, twice: 0.02, outages: [[40_000, 55_000]] },
      ends: 1_000,
      killedShare: 0.5,
      habits: { ...calm.habits, stepEveryMs: 50_000 },
    };
    const result = await runFleet(plan);
    expect(result.violations).toEqual([]);
    expect(result.granted).toBeGreaterThan(3_000);
  });

  it('runs the same way twice', async () => {
    const [first, second] = [await runFleet(drawFleet(3, 30)), await runFleet(drawFleet(3, 30))];
    expect(second.hash).toBe(first.hash);
    expect(second.writes).toBe(first.writes);
    expect(first.granted).toBeGreaterThan(20);
  });
});

/** Without one of the conditions of a purchase some promise has to break. */
describe('each condition is needed:', () => {
  const always: StateCondition = { op: 'item-present' };
  const without =
    (isIt: (part: StateCondition) => boolean) =>
    (when: StateCondition): StateCondition => {
      if (when.op !== 'and') return when;
      return { op: 'and', of: when.of.map((part) => (isIt(part) ? always : part)) };
    };
  const speaksOf = (text: string) => (part: StateCondition) => JSON.stringify(part).includes(text);
  const busy: FleetPlan = { ...calm, workers: 40, lengthMs: 100_000, definition: limitOf(600) };
  /** Demand that just does not fill the timeline: it falls idle again and again. */
  const idling: FleetPlan = {
    ...busy,
    definition: limitOf(600, { burstMs: 0 }),
    habits: { ...calm.habits, latencyMs: [1_000, 8_000] },
  };

  it.each([
    ['that an idle timeline is idle', (part: StateCondition) => part.op === 'or' && speaksOf('"t"')(part), 'I9'],
    ['that the price is the one of now', speaksOf('"path":"g"'), 'I9'],
    ['that a quota has room', speaksOf('windows.0.used'), 'quota'],
  ])('%s', async (what, isIt, invariant) => {
    const quotas = [{ unit: 'requests', amount: 300, every: 'hour' as const, zone: 'UTC' }];
    const drop = without(isIt);
    const changed = { ...busy, changes: [{ atMs: 50_000, definition: limitOf(60) }] };
    const plan =
      invariant === 'quota'
        ? { ...busy, definition: { ...busy.definition, quotas } }
        : what.includes('price')
          ? changed
          : idling;
    expect((await runFleet(plan)).violations).toEqual([]);
    const result = await runFleet({ ...plan, rewrite: (when, change) => ({ when: drop(when), change }) });
    expect(result.violations.join('; ')).toContain(invariant);
  });
});
