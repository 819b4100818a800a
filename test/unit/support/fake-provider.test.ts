import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Arrival, type FakeProvider, startFakeProvider } from '../../support/fake-provider.ts';
import { createBuckets } from '../../support/provider-bucket.mjs';
import { admittedShares, jainIndex, overAdmission, refusedShare, utilisation } from '../../support/provider-judge.mjs';

const at = (atMs: number, requests = 1, admitted = true, caller = 'a'): Arrival => ({
  atMs,
  caller,
  cost: { requests },
  admitted,
});
const RATE = { amount: 10, perMs: 1_000 };
const OF = { unit: 'requests', rate: RATE };

describe('the judge of a ledger', () => {
  it('finds the fullest window, wherever it begins', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 5_000 }), cost: fc.integer({ min: 0, max: 5 }) }), {
          minLength: 1,
        }),
        fc.integer({ min: 1, max: 2_000 }),
        (calls, windowMs) => {
          const arrivals = calls.map(({ atMs, cost }) => at(atMs, cost));
          // A fullest window can be moved back until it ends with an arrival.
          const sums = calls.map(({ atMs: end }) =>
            calls.filter(({ atMs }) => atMs > end - windowMs && atMs <= end).reduce((sum, { cost }) => sum + cost, 0),
          );
          const expected = Math.max(...sums) / ((RATE.amount * windowMs) / RATE.perMs) - 1;
          expect(overAdmission(arrivals, { ...OF, windowMs })).toBeCloseTo(expected, 9);
        },
      ),
    );
  });

  it('sees a burst at the seam of two windows that are each within bounds', () => {
    const burst = [...Array.from({ length: 10 }, () => at(990)), ...Array.from({ length: 10 }, () => at(1_010))];
    expect(overAdmission(burst, { ...OF, windowMs: 1_000 })).toBeCloseTo(1);
    const steady = Array.from({ length: 100 }, (_, n) => at(n * 100));
    expect(overAdmission(steady, { ...OF, windowMs: 1_000 })).toBeCloseTo(0);
    expect(overAdmission([], { ...OF, windowMs: 1_000 })).toBe(-1);
  });

  it('counts as used what was admitted while calls were waiting', () => {
    const arrivals = [at(0), at(100, 5), at(200, 5, false), at(900), at(1_500, 7), at(2_000, 9)];
    const spans = [
      { fromMs: 0, toMs: 1_000 },
      { fromMs: 1_400, toMs: 2_000 },
    ];
    expect(utilisation(arrivals, { ...OF, spans })).toBeCloseTo(14 / 16);
    expect(utilisation(arrivals, { ...OF, spans: [] })).toBeNaN();
  });

  it('tells fair shares from unfair ones, with those who got nothing', () => {
    expect(jainIndex([3, 3, 3, 3])).toBe(1);
    expect(jainIndex([8, 0, 0, 0])).toBe(0.25);
    const arrivals = [at(0), at(1, 2, true, 'b'), at(2, 9, false, 'b'), at(3, 1, true, 'unknown')];
    expect(admittedShares(arrivals, { unit: 'requests', callers: ['b', 'a', 'c'] })).toEqual([2, 1, 0]);
    expect(refusedShare(arrivals)).toBe(0.25);
    expect(refusedShare([])).toBe(0);
  });
});

describe('the buckets of a provider', () => {
  it('admit never more than burst and rate in any span, refuse nobody who comes when told to, and take nothing from the refused', () => {
    const call = fc.record({ gapMs: fc.integer({ min: 0, max: 400 }), tokens: fc.integer({ min: 0, max: 20 }) });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 60 }), (calls) => {
        const limits = { requests: { ...RATE, burst: 3 }, tokens: { amount: 50, perMs: 1_000, burst: 20 } };
        const buckets = createBuckets(limits);
        const admitted: Arrival[] = [];
        let nowMs = 0;
        for (const { gapMs, tokens } of calls) {
          nowMs += gapMs;
          const cost = { requests: 1, tokens };
          const first = buckets.take(cost, nowMs);
          if (!first.admitted) {
            expect(buckets.take(cost, nowMs)).toEqual(first);
            nowMs += first.retryAfterMs;
            expect(buckets.take(cost, nowMs)).toEqual({ admitted: true });
          }
          admitted.push({ atMs: nowMs, caller: 'a', cost, admitted: true });
        }
        for (const [unit, { amount, perMs, burst }] of Object.entries(limits))
          for (const windowMs of [1, 100, 1_000]) {
            const over = overAdmission(admitted, { unit, rate: { amount, perMs }, windowMs });
            expect((over + 1) * amount * (windowMs / perMs)).toBeLessThanOrEqual(
              burst + amount * (windowMs / perMs) + 1e-3,
            );
          }
      }),
    );
  });

  it('refuse for ever what is larger than a bucket', () => {
    const buckets = createBuckets({ tokens: { amount: 1, perMs: 1, burst: 10 } });
    expect(buckets.take({ tokens: 11 }, 0)).toEqual({ admitted: false, retryAfterMs: Number.POSITIVE_INFINITY });
    expect(buckets.take({ tokens: 10 }, 0)).toEqual({ admitted: true });
  });
});

describe('a fake provider', () => {
  let provider: FakeProvider;
  beforeAll(async () => {
    provider = await startFakeProvider({
      limits: { requests: { amount: 1, perMs: 60_000, burst: 2 }, tokens: { amount: 1, perMs: 60_000, burst: 10 } },
    });
  });
  afterAll(() => provider.stop());
  const call = (caller: string, cost = {}) =>
    fetch(provider.url, { method: 'POST', body: JSON.stringify({ caller, cost }) });

  it('answers 429 with the time to wait beyond a limit, and keeps a ledger of what arrived', async () => {
    expect((await call('a', { tokens: 9 })).status).toBe(200);
    const tokens = await call('b', { tokens: 3 });
    expect(tokens.status).toBe(429);
    expect(Number(tokens.headers.get('retry-after'))).toBe(120);
    expect((await call('a')).status).toBe(200);
    const requests = await call('a');
    expect(requests.status).toBe(429);
    const waitMs = Number(requests.headers.get('retry-after-ms'));
    expect(waitMs).toBeGreaterThan(30_000);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    const { arrivals, nowMs } = await provider.ledger();
    expect(arrivals.map(({ caller, cost, admitted }) => [caller, cost, admitted])).toEqual([
      ['a', { requests: 1, tokens: 9 }, true],
      ['b', { requests: 1, tokens: 3 }, false],
      ['a', { requests: 1 }, true],
      ['a', { requests: 1 }, false],
    ]);
    expect(arrivals.every(({ atMs }) => atMs <= nowMs)).toBe(true);
    await provider.begin({ limits: { requests: { amount: 1, perMs: 60_000, burst: 1 } } });
    expect((await provider.ledger()).arrivals).toEqual([]);
    expect((await call('c', { tokens: 1_000 })).status).toBe(200);
  });
});
