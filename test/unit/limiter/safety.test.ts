import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { priceUs } from '../../../src/limiter/price.ts';
import { graceMs, largestCall } from '../../../src/domain/limit-bounds.ts';
import { burstUs, mostSeen, sellablePpm } from '../../../src/limiter/safety.ts';
import type { LimitDefinition } from '../../../src/domain/limit.ts';
import { perMinute } from '../../support/limit-rig.ts';

const of = (amount: number, perMs: number, mode: LimitDefinition['mode']): LimitDefinition => ({
  rates: { requests: { amount, perMs } },
  quotas: [],
  burstMs: 5_000,
  mode,
});

describe('what is left unsold', () => {
  it.each([
    [60_000, 990_000],
    [3_600_000, 990_000],
    [10_000, 930_000],
    [1_000, 700_000],
  ])('of a statistical limit over %i ms depends on the length of its windows', (perMs, ppm) => {
    expect(sellablePpm(of(100, perMs, 'statistical'), 'requests')).toBe(ppm);
  });

  it('of a hard limit is what the bound asks for', () => {
    // A minute of (60 + 5 + 2 · 0.3 + 1) seconds.
    expect(sellablePpm(of(3_000, 60_000, 'hard'), 'requests')).toBe(Math.floor((60_000 / 66_600) * 1e6));
    expect(graceMs(of(10, 1_000, 'hard'))).toBe(100);
    expect(sellablePpm(of(10, 1_000, 'hard'), 'requests')).toBe(Math.floor((1_000 / 2_700) * 1e6));
  });

  it('keeps a burst within the grace', () => {
    expect(burstUs(perMinute(10, { burstMs: 9_000 }))).toBe(5_000_000);
    expect(burstUs(of(10, 1_000, 'hard'))).toBe(100_000);
  });
});

describe('the bound of a hard limit', () => {
  const periods = fc.constantFrom(1_000, 10_000, 60_000, 3_600_000);
  it('never exceeds the stated amount in its own window, at any rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), periods, (amount, perMs) => {
        const definition = of(amount, perMs, 'hard');
        // As many single requests as fit into the window and all delays, one after the other, and one more at the edge.
        const stretchUs = (perMs + graceMs(definition) + 2 * 300 + 1_000) * 1_000;
        const price = priceUs({ requests: 1 }, { definition, m: 1_000_000 });
        expect(Math.floor(stretchUs / price) + 1).toBeLessThanOrEqual(amount);
      }),
    );
  });

  it('holds where the slots divide the window and all delays without a rest', () => {
    const definition = of(16, 3_200, 'hard');
    const stretchUs = (3_200 + graceMs(definition) + 2 * 300 + 1_000) * 1_000;
    expect(stretchUs % 16).toBe(0);
    expect(Math.floor(stretchUs / priceUs({ requests: 1 }, { definition, m: 1_000_000 })) + 1).toBe(16);
  });

  it('holds for calls of any size that it sells', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        periods,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 200 }),
        (amount, perMs, sizes) => {
          const definition: LimitDefinition = { ...of(1, perMs, 'hard'), rates: { tokens: { amount, perMs } } };
          const most = largestCall(definition, 'tokens');
          const stretchUs = (perMs + graceMs(definition) + 2 * 300 + 1_000) * 1_000;
          // Calls in a row from the beginning of a stretch, each due when those before it are paid for.
          let [dueUs, seen] = [0, 0];
          for (let at = 0; dueUs <= stretchUs && at < 5_000; at += 1) {
            const tokens = 1 + Math.floor((sizes[at % sizes.length] as number) * (most - 1));
            seen += tokens;
            dueUs += priceUs({ tokens }, { definition, m: 1_000_000 });
          }
          expect(seen).toBeLessThanOrEqual(amount);
        },
      ),
    );
  });
});

describe('the published bound of a statistical limit', () => {
  it('is the rate over the window and all delays, and the last call', () => {
    const seen = { windowMs: 60_000, longestLeaseMs: 40, largestCall: 1 };
    expect(mostSeen(perMinute(6_000), 'requests', seen)).toBe(
      Math.ceil(0.099 * (60_000 + 40 + 5_000 + 600 + 1_000)) + 1,
    );
  });
});
