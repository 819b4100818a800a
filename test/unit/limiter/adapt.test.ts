import { describe, expect, it } from 'vitest';
import { applyChange, evaluate } from '../../../src/backends/state-table/operation-tree.ts';
import type { LimitItem } from '../../../src/domain/limit.ts';
import { planDecrease } from '../../../src/limiter/adapt.ts';
import { asState, limitItem, ONE_A_MS } from '../../support/limit-rig.ts';

const NOW_MS = 1_700_000_000_000;
const report = (item: LimitItem, g = item.g, sellAgainMs: number | null = null) =>
  planDecrease(item, { g, nowMs: NOW_MS, sellAgainMs });
const after = (item: LimitItem, plan: ReturnType<typeof report>): LimitItem | null =>
  plan !== null && evaluate(plan.when, asState(item))
    ? (applyChange(asState(item), plan.change) as unknown as LimitItem)
    : null;

describe('a refusal of the provider', () => {
  it('makes the price dearer by three tenths, in a new generation', () => {
    const item = limitItem(ONE_A_MS);
    expect(after(item, report(item))).toMatchObject({ m: 700_000, g: 2, la: NOW_MS, refusals: 1 });
  });

  it('counts once, however many report it', () => {
    let item = limitItem(ONE_A_MS);
    const reports = Array.from({ length: 500 }, () => report(item));
    let applied = 0;
    for (const plan of reports) {
      const next = after(item, plan);
      if (next !== null) applied += 1;
      item = next ?? item;
    }
    expect(applied).toBe(1);
    expect(item).toMatchObject({ m: 700_000, refusals: 1 });
  });

  it('is not added to one of the last ten seconds, and never stops everything', () => {
    expect(report(limitItem(ONE_A_MS, { la: NOW_MS - 9_999 }))).toBeNull();
    const low = limitItem(ONE_A_MS, { la: NOW_MS - 10_000, m: 60_000 });
    expect(after(low, report(low))?.m).toBe(50_000);
  });

  it('moves the timeline to where the provider sells again, never back', () => {
    const item = limitItem(ONE_A_MS, { t: NOW_MS * 1_000 });
    const plan = report(item, 1, NOW_MS + 5_000);
    expect(after(item, plan)?.t).toBe((NOW_MS + 5_000) * 1_000);
    const ahead = limitItem(ONE_A_MS, { t: (NOW_MS + 6_000) * 1_000 });
    expect(after(ahead, plan)).toBeNull();
    expect(after(ahead, report(ahead, 1, NOW_MS + 5_000))).toMatchObject({ t: (NOW_MS + 6_000) * 1_000, m: 700_000 });
  });

  it('may also say for how long within those ten seconds', () => {
    const item = limitItem(ONE_A_MS, { t: NOW_MS * 1_000, la: NOW_MS - 5_000, g: 2, m: 700_000, refusals: 1 });
    const pushed = after(item, report(item, 2, NOW_MS + 60_000)) as LimitItem;
    expect(pushed).toEqual({ ...item, t: (NOW_MS + 60_000) * 1_000 });
    expect(report(pushed, 2, NOW_MS + 60_000)).toBeNull();
  });
});
