import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LimitDefinition, LimitQuota } from '../../../src/domain/limit.ts';
import { quotaWindowsAfter, soldUntilAfter } from '../../../src/limiter/redefine.ts';

const NOW_MS = 1_700_000_000_000;
const NOW_US = NOW_MS * 1_000;

const of = (requests: number, perMs = 1_000, more: LimitDefinition['rates'] = {}): LimitDefinition => ({
  rates: { requests: { amount: requests, perMs }, ...more },
  quotas: [],
  burstMs: 0,
  mode: 'statistical',
});

describe('what was sold ahead', () => {
  it('takes as long as its units take at a lower rate', () => {
    const t = NOW_US + 60_000_000;
    expect(soldUntilAfter({ t, definition: of(10) }, of(5), NOW_MS)).toBe(NOW_US + 120_000_000);
  });

  it('stays where it is at a higher rate: those who hold the slots spend them then', () => {
    const t = NOW_US + 60_000_000;
    expect(soldUntilAfter({ t, definition: of(10) }, of(20), NOW_MS)).toBe(t);
  });

  it('does not block a limit for longer than the horizon because the rate before was a mistake', () => {
    const t = NOW_US + 86_400_000_000;
    const after = soldUntilAfter({ t, definition: of(1, 86_400_000) }, of(3_000, 60_000), NOW_MS);
    expect(after).toBe(NOW_US + 120_000_000);
  });

  it('is nothing where nothing lies ahead', () => {
    expect(soldUntilAfter({ definition: of(10) }, of(5), NOW_MS)).toBeUndefined();
    expect(soldUntilAfter({ t: NOW_US - 5, definition: of(10) }, of(5), NOW_MS)).toBe(NOW_US - 5);
  });

  it('waits for the unit that takes longest, and never less for a unit that only one side counts', () => {
    const t = NOW_US + 1_000_000;
    const tokens = { tokens: { amount: 10, perMs: 1_000 } };
    expect(soldUntilAfter({ t, definition: of(10) }, of(20, 1_000, tokens), NOW_MS)).toBe(t);
    expect(soldUntilAfter({ t, definition: of(10, 1_000, tokens) }, of(20), NOW_MS)).toBe(t);
  });

  it('never forgets a unit, however often the rate changes', () => {
    const rate = fc.tuple(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom(1_000, 60_000, 3_600_000));
    fc.assert(
      fc.property(rate, rate, fc.integer({ min: 1, max: 120_000_000 }), ([a, aMs], [b, bMs], aheadUs) => {
        const t = soldUntilAfter({ t: NOW_US + aheadUs, definition: of(a, aMs) }, of(b, bMs), NOW_MS) as number;
        // Units sold ahead at the old rate, against those the new rate gives in the same time; in whole numbers.
        const sold = BigInt(aheadUs) * BigInt(a) * BigInt(bMs);
        const given = BigInt(t - NOW_US) * BigInt(b) * BigInt(aMs);
        expect(given >= sold).toBe(true);
        const stretched = given - sold < BigInt(b) * BigInt(aMs);
        expect(stretched || t === NOW_US + aheadUs).toBe(true);
      }),
    );
  });

  it('stays an exact number, also for figures far apart', () => {
    const t = soldUntilAfter({ t: NOW_US + 2 ** 50, definition: of(1_000_000) }, of(1, 86_400_000), NOW_MS);
    expect(t).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('quotas of the new definition', () => {
  const quota = (more: Partial<LimitQuota>): LimitQuota => ({
    unit: 'requests',
    amount: 100,
    every: 'day',
    zone: 'UTC',
    ...more,
  });
  const windows = { 0: { from: 1, used: 40 }, 1: { from: 2, used: 7 } };

  it('go on counting where they were, wherever they stand', () => {
    const definition = { ...of(1), quotas: [quota({}), quota({ unit: 'tokens', every: 'hour' })] };
    const after = { ...of(1), quotas: [quota({ unit: 'tokens', every: 'hour', amount: 9 }), quota({})] };
    expect(quotaWindowsAfter({ definition, windows }, after)).toEqual({ 0: windows[1], 1: windows[0] });
  });

  it('begin at nothing where they count something else', () => {
    const definition = { ...of(1), quotas: [quota({}), quota({ every: 'month' })] };
    const after = {
      ...of(1),
      quotas: [quota({ zone: 'Europe/Berlin' }), quota({ unit: 'tokens' }), quota({ every: 'hour' })],
    };
    expect(quotaWindowsAfter({ definition, windows }, after)).toEqual({});
  });
});
