/** What a seed does to a fleet. */
import type { LimitDefinition } from '../../../src/domain/limit.ts';
import { createChance, type Chance } from '../core/chance.ts';
import type { FleetPlan } from './fleet.ts';

export const LARGEST_CALL = 2_000;

export const limitOf = (amount: number, rest: Partial<LimitDefinition> = {}): LimitDefinition => ({
  rates: { requests: { amount, perMs: 60_000 } },
  quotas: [],
  burstMs: 2_000,
  mode: 'statistical',
  ...rest,
});

/** A fleet without any trouble: what the figures are measured with. */
export const calm: FleetPlan = {
  seed: 1,
  workers: 2_000,
  definition: limitOf(6_000),
  weather: { hopMs: [5, 40], refused: 0, lost: 0, twice: 0, outages: [] },
  habits: {
    inFlight: 1,
    latencyMs: [300, 700],
    errorMs: 300,
    stepEveryMs: null,
    drift: 100,
    costOf: () => ({ said: {}, actual: { requests: 1 } }),
  },
  lengthMs: 400_000,
  ends: 0,
  killedShare: 1,
  spreadMs: 200,
  changes: [],
};

/** Everything that may go wrong, as the seed has it. */
export function drawFleet(seed: number, workers: number): FleetPlan {
  const chance = createChance(seed).fork('plan');
  const definition = drawDefinition(chance);
  const lengthMs = 150_000;
  const outageAt = chance.between(10_000, lengthMs);
  const withTokens = definition.rates['tokens'] !== undefined;
  return {
    seed,
    workers,
    definition,
    weather: {
      hopMs: [5, chance.pick([20, 60, 400])],
      refused: chance.pick([0, 0.01, 0.1]),
      lost: chance.pick([0, 0.01, 0.1]),
      twice: chance.pick([0, 0.02, 0.1]),
      outages: chance.one(0.5) ? [[outageAt, outageAt + chance.between(1_000, 40_000)]] : [],
    },
    habits: {
      inFlight: chance.pick([1, 1, 4, 16]),
      latencyMs: chance.pick([
        [5, 50],
        [300, 700],
        [100, 8_000],
      ]),
      errorMs: chance.pick([20, 100, 300]),
      stepEveryMs: chance.pick([null, 20_000, 100_000]),
      drift: chance.pick([0, 200]),
      ...(chance.one(0.2) ? { lifeMs: chance.between(160_000, 400_000) } : {}),
      costOf: (each) => {
        if (!withTokens) return { said: {}, actual: { requests: 1 } };
        const tokens = each.whole(1, LARGEST_CALL);
        // An estimate is never below the truth here: what is beyond it is in nobody's bound.
        return { said: { tokens }, actual: { requests: 1, tokens: each.whole(Math.ceil(tokens / 2), tokens) } };
      },
    },
    lengthMs,
    ends: chance.pick([0, Math.ceil(workers / 10), workers]),
    killedShare: chance.pick([0, 0.5, 1]),
    spreadMs: chance.pick([0, 200, 1_000]),
    changes: chance.one(0.4)
      ? [{ atMs: chance.between(20_000, lengthMs), definition: { ...definition, rates: halved(definition) } }]
      : [],
    ...(chance.one(0.2)
      ? { closing: { atMs: chance.between(20_000, lengthMs), workers: Math.ceil(workers * 0.8) } }
      : {}),
    ...(chance.one(0.3) ? { refusesAbove: Math.ceil((definition.rates['requests']?.amount ?? 0) / 80) } : {}),
    ...(chance.one(0.5)
      ? { stalls: { nodes: chance.pick([1, 4, workers]), everyMs: chance.pick([5_000, 20_000]), lastMs: [200, 3_000] } }
      : {}),
  };
}

function drawDefinition(chance: Chance): LimitDefinition {
  const perMs = chance.pick([1_000, 10_000, 60_000]);
  const perSecond = chance.pick([2, 20, 60]);
  const requests = { amount: (perSecond * perMs) / 1_000, perMs };
  const tokens = { amount: perSecond * 60 * 1_000, perMs: 60_000 };
  const mode = chance.pick(['statistical', 'hard'] as const);
  return {
    rates: chance.one(0.4) ? { requests, tokens } : { requests },
    quotas: chance.one(0.3) ? [{ unit: 'requests', amount: perSecond * 60, every: 'hour', zone: 'UTC' }] : [],
    burstMs: chance.pick([0, 500, 5_000]),
    mode,
  };
}

const halved = ({ rates }: LimitDefinition): LimitDefinition['rates'] =>
  Object.fromEntries(
    Object.entries(rates).map(([unit, { amount, perMs }]) => [
      unit,
      { amount: Math.max(unit === 'tokens' ? 40_000 : 1, Math.floor(amount / 2)), perMs },
    ]),
  );
