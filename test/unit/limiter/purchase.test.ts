import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyChange, evaluate } from '../../../src/backends/state-table/operation-tree.ts';
import type { LimitItem, LimitQuota } from '../../../src/domain/limit.ts';
import { planPurchase, type Plan, type Purchase } from '../../../src/limiter/purchase.ts';
import { createQuotaCalendar } from '../../../src/limiter/quota-window.ts';
import { asState, limitItem, ONE_A_MS } from '../../support/limit-rig.ts';

const NOW_US = Date.parse('2024-05-05T12:00:00Z') * 1_000;
const MINUTE_US = 60_000_000;
const calendar = createQuotaCalendar();
const calls = (count: number) => Array.from({ length: count }, () => ({ requests: 1 }));
const plan = (item: LimitItem, count = 10, moment: Partial<Parameters<typeof planPurchase>[2]> = {}): Plan =>
  planPurchase(
    item,
    { calls: calls(count), debt: {} },
    { nowUs: NOW_US, horizonUs: 2 * MINUTE_US, expectsQueue: false, ...moment },
    calendar,
  );
const bought = (result: Plan): Purchase => {
  if (result.kind !== 'buy') throw new Error(`expected a purchase, found ${result.kind}`);
  return result;
};
const applied = (item: LimitItem, purchase: Purchase): LimitItem | null =>
  evaluate(purchase.when, asState(item)) ? (applyChange(asState(item), purchase.change) as unknown as LimitItem) : null;
const daily = (amount: number): LimitQuota => ({ unit: 'requests', amount, every: 'day', zone: 'UTC' });
const withQuota = (amount: number) => ({ ...ONE_A_MS, quotas: [daily(amount)] });

describe('a purchase', () => {
  it('begins an idle timeline anew', () => {
    const item = limitItem(ONE_A_MS);
    const purchase = bought(plan(item));
    expect(purchase).toMatchObject({ timeline: 'idle', calls: 10, durationUs: 10_001, cost: { requests: 10 } });
    expect(applied(item, purchase)).toMatchObject({ t: NOW_US + 10_001, sold: { requests: 10 } });
    const burst = limitItem({ ...ONE_A_MS, burstMs: 2_000 }, { t: NOW_US - 2_000_001 });
    expect(applied(burst, bought(plan(burst)))?.t).toBe(NOW_US - 1_000_000 + 10_001);
  });

  it('is appended to a busy one, also within the burst', () => {
    for (const t of [NOW_US, NOW_US + MINUTE_US, NOW_US + 2 * MINUTE_US - 10_001]) {
      const purchase = bought(plan(limitItem(ONE_A_MS, { t })));
      expect(purchase.timeline).toBe('busy');
      expect(applied(limitItem(ONE_A_MS, { t }), purchase)?.t).toBe(t + 10_001);
    }
    const saved = limitItem({ ...ONE_A_MS, burstMs: 2_000 }, { t: NOW_US - 2_000_000 });
    expect(applied(saved, bought(plan(saved)))?.t).toBe(NOW_US - 2_000_000 + 10_001);
  });

  it('waits for its slot to come within the horizon', () => {
    const t = NOW_US + 3 * MINUTE_US;
    expect(plan(limitItem(ONE_A_MS, { t }))).toEqual({ kind: 'wait', untilUs: t - 2 * MINUTE_US + 10_001 });
  });

  it('can be longer than the horizon, when it begins soon', () => {
    const slow = { ...ONE_A_MS, rates: { requests: { amount: 1, perMs: 3_600_000 } } };
    const near = limitItem(slow, { t: NOW_US + MINUTE_US / 2 });
    expect(applied(near, bought(plan(near, 1)))?.t).toBeGreaterThan(NOW_US + 60 * MINUTE_US);
    expect(plan(limitItem(slow, { t: NOW_US + MINUTE_US }), 1).kind).toBe('wait');
  });

  it('that guessed the wrong shape is refused and planned again with what the refusal shows', () => {
    const believed = limitItem(ONE_A_MS);
    const real = limitItem(ONE_A_MS, { t: NOW_US + 5_000 });
    expect(applied(real, bought(plan(believed)))).toBeNull();
    expect(applied(real, bought(plan(real)))?.t).toBe(NOW_US + 15_001);
    const guess = bought(plan(limitItem(ONE_A_MS, { t: NOW_US - MINUTE_US }), 10, { expectsQueue: true }));
    expect(guess.timeline).toBe('busy');
    expect(applied(limitItem(ONE_A_MS, { t: NOW_US - MINUTE_US }), guess)).toBeNull();
    expect(applied(real, guess)?.t).toBe(NOW_US + 15_001);
  });

  it('holds for one generation of the price', () => {
    expect(applied(limitItem(ONE_A_MS, { g: 2 }), bought(plan(limitItem(ONE_A_MS))))).toBeNull();
  });

  it('pays for a debt beside its calls', () => {
    const purchase = bought(
      planPurchase(
        limitItem(ONE_A_MS),
        { calls: calls(1), debt: { requests: 5 } },
        { nowUs: NOW_US, horizonUs: MINUTE_US, expectsQueue: false },
        calendar,
      ),
    );
    expect(purchase).toMatchObject({ calls: 1, cost: { requests: 6 } });
    expect(purchase.durationUs).toBeGreaterThan(6_000);
  });

  it('makes a step of recovery when the last refusal is long ago, and only one buyer makes it', () => {
    const nowMs = NOW_US / 1_000;
    const item = limitItem(ONE_A_MS, { m: 700_000, la: nowMs - 30_000 });
    const purchase = bought(plan(item));
    const after = applied(item, purchase) as LimitItem;
    expect(after).toMatchObject({ m: 720_000, up: nowMs, g: 1 });
    expect(applied(after, purchase)).toBeNull();
    expect(bought(plan(after)).change.set).not.toHaveProperty('m');
    expect(bought(plan(limitItem(ONE_A_MS, { m: 700_000, la: nowMs - 29_999 }))).change.set).not.toHaveProperty('m');
    const last = limitItem(ONE_A_MS, { m: 990_000, la: 0, up: nowMs - 30_000 });
    expect(applied(last, bought(plan(last)))?.m).toBe(1_000_000);
  });
});

describe('a purchase under a quota', () => {
  const dayMs = Date.parse('2024-05-05T00:00:00Z');
  it('opens the window, adds to it, and opens the next one', () => {
    const first = limitItem(withQuota(100));
    const second = applied(first, bought(plan(first))) as LimitItem;
    expect(second.windows).toEqual({ 0: { from: dayMs, used: 10 } });
    const third = applied(second, bought(plan(second))) as LimitItem;
    expect(third.windows).toEqual({ 0: { from: dayMs, used: 20 } });
    const tomorrow = applied(third, bought(plan(third, 10, { nowUs: NOW_US + 86_400_000_000 }))) as LimitItem;
    expect(tomorrow.windows).toEqual({ 0: { from: dayMs + 86_400_000, used: 10 } });
  });

  it('takes what is left, and then says until when it is spent', () => {
    const item = limitItem(withQuota(100), { windows: { 0: { from: dayMs, used: 96 } } });
    expect(bought(plan(item))).toMatchObject({ calls: 4, cost: { requests: 4 } });
    const spent = limitItem(withQuota(100), { windows: { 0: { from: dayMs, used: 100 } } });
    expect(plan(spent)).toMatchObject({ kind: 'spent', untilMs: dayMs + 86_400_000, quota: daily(100) });
  });

  it('is refused when others used it up meanwhile', () => {
    const item = limitItem(withQuota(100), { windows: { 0: { from: dayMs, used: 80 } } });
    const purchase = bought(plan(item));
    expect(applied({ ...item, windows: { 0: { from: dayMs, used: 90 } } }, purchase)?.windows[0]?.used).toBe(100);
    expect(applied({ ...item, windows: { 0: { from: dayMs, used: 91 } } }, purchase)).toBeNull();
  });

  it('counts a slot in the window in which it ends, and lets it be spent there only', () => {
    const endUs = (dayMs + 86_400_000) * 1_000;
    const nowUs = endUs - 10_000_000;
    const before = bought(plan(limitItem(withQuota(100), { t: endUs - 10_001 }), 10, { nowUs }));
    expect(before.counted).toEqual([{ quota: 0, fromMs: dayMs, units: 10 }]);
    expect(before.untilUs).toBe(endUs);
    const after = bought(plan(limitItem(withQuota(100), { t: endUs - 10_000 }), 10, { nowUs }));
    expect(after.counted).toEqual([{ quota: 0, fromMs: dayMs + 86_400_000, units: 10 }]);
    expect(after.fromUs).toBe(endUs);
    // Neither holds for a timeline that has moved into the other window.
    expect(applied(limitItem(withQuota(100), { t: endUs - 10_000 }), before)).toBeNull();
    expect(applied(limitItem(withQuota(100), { t: endUs - 10_001 }), after)).toBeNull();
  });
});

describe('any row of purchases', () => {
  const step = fc.record({
    afterUs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 0, max: 20_000_000 })),
    count: fc.integer({ min: 1, max: 50 }),
    staleness: fc.integer({ min: 0, max: 3 }),
    errorUs: fc.integer({ min: -300_000, max: 300_000 }),
  });
  it('sells disjoint slots and no more of a quota than there is, whatever the buyers believe', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 0, max: 5_000 }),
        (steps, amount, burstMs) => {
          const quotas: LimitQuota[] = [{ unit: 'requests', amount, every: 'hour', zone: 'UTC' }];
          const seen: LimitItem[] = [limitItem({ ...ONE_A_MS, burstMs, quotas })];
          const inWindow = new Map<number, number>();
          let nowUs = NOW_US + 3_590_000_000;
          for (const { afterUs, count, staleness, errorUs } of steps) {
            nowUs += afterUs;
            const real = seen.at(-1) as LimitItem;
            const believed = seen.at(-1 - Math.min(staleness, seen.length - 1)) as LimitItem;
            const result = plan(believed, count, { nowUs: nowUs + errorUs });
            if (result.kind !== 'buy') continue;
            const next = applied(real, result);
            if (next === null) continue;
            const startUs = (next.t as number) - result.durationUs;
            expect(startUs).toBeGreaterThanOrEqual(real.t ?? 0);
            expect(result.durationUs).toBeGreaterThan(0);
            for (const { fromMs, units } of result.counted) inWindow.set(fromMs, (inWindow.get(fromMs) ?? 0) + units);
            seen.push(next);
          }
          for (const units of inWindow.values()) expect(units).toBeLessThanOrEqual(amount);
        },
      ),
      { numRuns: 300 },
    );
  });
});
