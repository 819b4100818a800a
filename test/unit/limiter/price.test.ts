import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LimitDefinition } from '../../../src/domain/limit.ts';
import { isAppError } from '../../../src/errors/app-error.ts';
import { checkedCost, countedCost, priceUs, sumOf } from '../../../src/limiter/price.ts';
import { sellablePpm } from '../../../src/limiter/safety.ts';
import { perMinute } from '../../support/limit-rig.ts';

const rates = fc.record({
  amount: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: 1_000_000_000 })),
  perMs: fc.constantFrom(1_000, 10_000, 60_000, 3_600_000, 86_400_000),
});
const definitions = fc.record({
  rates: fc.record({ requests: rates, tokens: rates }),
  quotas: fc.constant([]),
  burstMs: fc.constant(0),
  mode: fc.constantFrom('statistical' as const, 'hard' as const),
});
const shares = fc.integer({ min: 50_000, max: 1_000_000 });
const costs = fc.record({
  requests: fc.integer({ min: 0, max: 1_000 }),
  tokens: fc.integer({ min: 0, max: 1_000_000 }),
});

describe('the price of a cost', () => {
  it('is what the figures say', () => {
    // 100 a second less one per cent.
    expect(priceUs({ requests: 1 }, { definition: perMinute(6_000), m: 1_000_000 })).toBe(10_102);
    expect(priceUs({ requests: 99 }, { definition: perMinute(6_000), m: 1_000_000 })).toBe(1_000_000);
    expect(priceUs({ requests: 99 }, { definition: perMinute(6_000), m: 500_000 })).toBe(2_000_000);
    expect(priceUs({ requests: 0 }, { definition: perMinute(6_000), m: 500_000 })).toBe(0);
    expect(priceUs({}, { definition: perMinute(6_000, { mode: 'hard' }), m: 500_000 })).toBe(0);
  });

  it('is that of the dearest rate', () => {
    const definition: LimitDefinition = {
      ...perMinute(3_000),
      rates: { requests: { amount: 3_000, perMs: 60_000 }, tokens: { amount: 250_000, perMs: 60_000 } },
    };
    const terms = { definition, m: 1_000_000 };
    expect(priceUs({ requests: 1, tokens: 10 }, terms)).toBe(priceUs({ requests: 1 }, terms));
    expect(priceUs({ requests: 1, tokens: 800 }, terms)).toBe(priceUs({ tokens: 800 }, terms));
    expect(priceUs({ tokens: 800 }, terms)).toBeGreaterThan(priceUs({ requests: 1 }, terms));
  });

  it('never sells more than the rate, nor a microsecond less than it must, whatever the figures', () => {
    fc.assert(
      fc.property(definitions, shares, costs, (definition, m, drawn) => {
        const { requests, tokens } = definition.rates;
        // No call costs more than the period of its rate sells.
        const cost = {
          requests: Math.min(drawn.requests, requests.amount),
          tokens: Math.min(drawn.tokens, tokens.amount),
        };
        const price = priceUs(cost, { definition, m });
        expect(Number.isSafeInteger(price)).toBe(true);
        const slack = definition.mode === 'hard' ? 2n : 1n;
        let isTight = price === 0;
        for (const unit of ['requests', 'tokens'] as const) {
          const { amount, perMs } = definition.rates[unit];
          const sold = BigInt(amount) * BigInt(m) * BigInt(sellablePpm(definition, unit));
          const asked = BigInt(cost[unit]) * BigInt(perMs) * 1_000n * 10n ** 12n;
          expect(BigInt(price) * sold >= asked).toBe(true);
          if (cost[unit] > 0 && (BigInt(price) - slack) * sold < asked) isTight = true;
        }
        expect(isTight).toBe(true);
      }),
    );
  });

  it('of calls together is at most the sum of their prices, and grows with every unit', () => {
    fc.assert(
      fc.property(definitions, shares, fc.array(costs, { maxLength: 20 }), (definition, m, many) => {
        const terms = { definition, m };
        const { cost, calls } = sumOf(many);
        expect(calls).toBe(many.length);
        const apart = many.reduce((sum, one) => sum + priceUs(one, terms), 0);
        expect(priceUs(cost, terms)).toBeLessThanOrEqual(apart + 1);
        expect(priceUs({ ...cost, tokens: (cost['tokens'] ?? 0) + 1 }, terms)).toBeGreaterThanOrEqual(
          priceUs(cost, terms),
        );
      }),
    );
  });

  it('stops adding where a sum would not be exact', () => {
    const huge = { tokens: 1_000_000_000_000_000 };
    expect(sumOf(Array.from({ length: 9 }, () => huge))).toEqual({ cost: { tokens: 4e15 }, calls: 4 });
  });
});

describe('the cost of a call', () => {
  const definition: LimitDefinition = {
    ...perMinute(3_000),
    rates: { requests: { amount: 3_000, perMs: 60_000 }, tokens: { amount: 250_000, perMs: 60_000 } },
    quotas: [{ unit: 'pages', amount: 40, every: 'day', zone: 'UTC' }],
  };
  const refusal = (cost: Readonly<Record<string, number>>, of = definition): string => {
    try {
      checkedCost('api', cost, of);
    } catch (error) {
      if (isAppError(error, 'LIMIT_COST')) return error.message;
      throw error;
    }
    return 'accepted';
  };

  it('is one request unless told, and leaves out requests that nobody counts', () => {
    expect(checkedCost('api', {}, definition)).toEqual({ requests: 1 });
    expect(checkedCost('api', { tokens: 0, pages: 3 }, definition)).toEqual({ requests: 1, tokens: 0, pages: 3 });
    const tokensOnly = { ...definition, rates: { tokens: { amount: 1, perMs: 1_000 } } };
    expect(checkedCost('api', { tokens: 1 }, tokensOnly)).toEqual({ tokens: 1 });
  });

  it.each([
    [{ tokens: Number.NaN }, 'limit api: found a cost of NaN for tokens, expected a whole number of at least 0'],
    [{ tokens: -1 }, 'limit api: found a cost of -1 for tokens, expected a whole number of at least 0'],
    [{ tokens: 1.5 }, 'limit api: found a cost of 1.5 for tokens, expected a whole number of at least 0'],
    [
      { tokens: '5' as unknown as number },
      'limit api: found a cost of "5" for tokens, expected a whole number of at least 0',
    ],
    [{ tokenz: 5 }, 'limit api: found a cost of 5 for tokenz, expected one of its units: requests, tokens, pages'],
    [
      { tokens: 250_001 },
      'limit api: found a cost of 250001 for tokens, expected at most 250000, the most it sells for one call',
    ],
    [{ pages: 41 }, 'limit api: found a cost of 41 for pages, expected at most 40, the most it sells for one call'],
  ])('%j is refused', (cost, message) => {
    expect(refusal(cost)).toBe(message);
  });

  it('has to leave room for others in hard mode', () => {
    const hard = { ...definition, mode: 'hard' as const };
    expect(refusal({ requests: 2 }, hard)).toContain('at most 1,');
    expect(refusal({ tokens: 12_500 }, hard)).toBe('accepted');
    expect(refusal({ tokens: 12_501 }, hard)).toContain('at most 12500,');
  });

  it('may in truth have been more than can be sold', () => {
    expect(countedCost('api', { tokens: 300_000 }, definition)).toEqual({ requests: 1, tokens: 300_000 });
  });
});
