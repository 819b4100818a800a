import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyChange, evaluate } from '../../../src/backends/state-table/operation-tree.ts';
import type { LimitItem } from '../../../src/domain/limit.ts';
import { leaseOf } from '../../../src/limiter/lease.ts';
import { movedLease, planMove } from '../../../src/limiter/move.ts';
import { planPurchase, type Purchase } from '../../../src/limiter/purchase.ts';
import { createQuotaCalendar } from '../../../src/limiter/quota-window.ts';
import { asState, limitItem, perMinute } from '../../support/limit-rig.ts';

const NOW_US = Date.parse('2024-05-05T11:58:00Z') * 1_000;
const SECOND = 1_000_000;
const RATE = perMinute(600, { quotas: [{ unit: 'requests', amount: 1_000, every: 'hour', zone: 'UTC' }] });
const moment = (horizonUs = 120 * SECOND) => ({ nowUs: NOW_US, horizonUs, expectsQueue: false });

/** A slot of ten calls behind others until `aheadUs`, and the limit as it was left. */
function ticket(aheadUs: number, definition = RATE) {
  const before = limitItem(definition, { t: NOW_US + aheadUs });
  const want = { calls: Array.from({ length: 10 }, () => ({ requests: 1 })), debt: {} };
  const plan = planPurchase(before, want, moment(200 * SECOND), createQuotaCalendar()) as Purchase;
  const item = applyChange(asState(before), plan.change) as unknown as LimitItem;
  return { item, lease: leaseOf(plan, item, {}) };
}

describe('a slot that others could be sold again', () => {
  it('is given up for one at the end of the timeline, and what was sold and counted stays', () => {
    const { item, lease } = ticket(60 * SECOND);
    const shorter: LimitItem = { ...item, t: NOW_US + 5 * SECOND };
    const plan = planMove(shorter, lease, moment());
    if (plan === null) throw new Error('it stays');
    expect(evaluate(plan.when, asState(shorter))).toBe(true);
    const after = applyChange(asState(shorter), plan.change) as unknown as LimitItem;
    const moved = movedLease(lease, plan, after);
    expect(moved).toMatchObject({ startUs: shorter.t, endUs: after.t, bought: lease.bought, counted: lease.counted });
    expect(moved.untilUs).toBeLessThan(lease.untilUs);
    expect([after.sold, after.windows]).toEqual([item.sold, item.windows]);
    // Applied when the timeline has grown again it would lie behind the slot that is held.
    expect(evaluate(plan.when, asState({ ...shorter, t: lease.startUs - SECOND }))).toBe(false);
    expect(evaluate(plan.when, asState({ ...shorter, g: item.g + 1 }))).toBe(false);
  });

  it('is taken from a timeline that fell idle as well', () => {
    const { item, lease } = ticket(60 * SECOND);
    const idle: LimitItem = { ...item, t: NOW_US - 10 * SECOND };
    const plan = planMove(idle, lease, moment());
    expect(plan?.change.set).toEqual({ t: NOW_US + (plan?.durationUs ?? 0) });
    expect(evaluate(plan?.when ?? { op: 'item-present' }, asState({ ...idle, t: NOW_US + SECOND }))).toBe(false);
  });

  it('stays where it is for little, behind others, and in a window of a quota that has not begun', () => {
    const { item, lease } = ticket(60 * SECOND);
    expect(planMove(item, lease, moment())).toBeNull();
    expect(planMove({ ...item, t: lease.startUs - 2 * SECOND }, lease, moment())).toBeNull();
    const next = ticket(125 * SECOND);
    expect(next.lease.counted[0]?.fromMs).toBe(NOW_US / 1_000 + 120_000);
    expect(planMove({ ...next.item, t: NOW_US }, next.lease, moment())).toBeNull();
  });

  it('never comes later, overlaps what is sold, or costs less than its price', () => {
    fc.assert(
      fc.property(fc.integer({ min: -200, max: 200 }), fc.integer({ min: 1_000, max: 1_000_000 }), (ahead, m) => {
        const { item, lease } = ticket(60 * SECOND, perMinute(600));
        const seen: LimitItem = { ...item, t: NOW_US + ahead * SECOND, m };
        const plan = planMove(seen, lease, moment());
        if (plan === null || !evaluate(plan.when, asState(seen))) return;
        const after = applyChange(asState(seen), plan.change) as unknown as LimitItem;
        const moved = movedLease(lease, plan, after);
        expect(moved.startUs).toBeGreaterThanOrEqual(seen.t as number);
        expect(moved.endUs).toBeLessThan(lease.startUs);
        expect(Number.isSafeInteger(after.t)).toBe(true);
        expect(moved.durationUs).toBeGreaterThanOrEqual(lease.durationUs);
      }),
    );
  });
});
