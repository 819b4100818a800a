/** Buying a slot of the timeline: which one conditional write does it, as things look, or until when there is nothing to write. Pure. */
import type { Cost, LimitItem, LimitQuota } from '../domain/limit.ts';
import type { StateChange, StateCondition } from '../ports/state-table.ts';
import { recoveryStep } from './adapt.ts';
import { priceUs, sumOf } from './price.ts';
import type { QuotaCalendar, QuotaWindow } from './quota-window.ts';
import { burstUs } from './safety.ts';

/** What is wanted: one call at least, the first; others as far as quotas allow. */
export interface Want {
  readonly calls: readonly Cost[];
  /** Units that earlier calls used beyond what they had said; the slot pays for them first. */
  readonly debt: Cost;
  /** Refusals of the provider that the write tells of. Absent: none. */
  readonly answers429?: number;
}

export interface Moment {
  /** Whole microseconds of the shared time. */
  readonly nowUs: number;
  /** How far ahead a slot may lie, in microseconds. */
  readonly horizonUs: number;
  /** Others were seen to buy ahead: an old `t` is then taken for one that has moved on. */
  readonly expectsQueue: boolean;
}

/** What the write pays for. */
export interface Purchase {
  readonly kind: 'buy';
  readonly change: StateChange;
  readonly when: StateCondition;
  /** Which shape of the write it is: behind others, or a timeline that begins anew. */
  readonly timeline: 'busy' | 'idle';
  readonly calls: number;
  /** Units of the calls and of the debt. */
  readonly cost: Cost;
  readonly durationUs: number;
  /** Calls of the slot may begin only within [fromUs, untilUs), because that is where quotas count them. */
  readonly fromUs: number;
  readonly untilUs: number;
  readonly g: number;
  /** Quotas the purchase was counted in: their place in the definition and the beginning of the window. */
  readonly counted: readonly Counted[];
}

export interface Counted {
  readonly quota: number;
  readonly fromMs: number;
  readonly units: number;
}

export type Plan =
  | Purchase
  /** So much is sold ahead that the slot would lie beyond the horizon. */
  | { readonly kind: 'wait'; readonly untilUs: number }
  /** A quota is used up until then. */
  | { readonly kind: 'spent'; readonly quota: LimitQuota; readonly untilMs: number };

/**
 * The write that buys, with the item as it was seen last. A refused write returns the item as it is; planning again with that one is how a refusal
 * is read: it gives the other shape, the next window, another price, or a time to wait.
 */
export function planPurchase(item: LimitItem, want: Want, moment: Moment, calendar: QuotaCalendar): Plan {
  const all = planFor(item, want, moment, calendar);
  if (all.kind !== 'short') return all;
  const fewer = { ...want, calls: want.calls.slice(0, Math.max(1, all.affords)) };
  const some = planFor(item, fewer, moment, calendar);
  if (some.kind !== 'short') return some;
  const one = planFor(item, { ...want, calls: want.calls.slice(0, 1) }, moment, calendar);
  return one.kind === 'short' ? { kind: 'spent', quota: one.quota, untilMs: one.untilMs } : one;
}

interface Short {
  readonly kind: 'short';
  readonly quota: LimitQuota;
  readonly untilMs: number;
  /** How many of the calls the quota has room for. */
  readonly affords: number;
}

function planFor(
  item: LimitItem,
  want: Want,
  moment: Moment,
  calendar: QuotaCalendar,
): Exclude<Plan, { kind: 'spent' }> | Short {
  const { definition } = item;
  const sum = sumOf([want.debt, ...want.calls]);
  const durationUs = priceUs(sum.cost, item);
  const slot = slotShape(item, moment, durationUs);
  if (slot.kind === 'wait') return slot;
  const windows: QuotaUse[] = [];
  for (const [place, quota] of definition.quotas.entries()) {
    const units = sum.cost[quota.unit] ?? 0;
    if (units === 0) continue;
    const use = quotaUse(item, { place, quota, units, endUs: Math.max(slot.endUs, moment.nowUs) }, calendar);
    const room = quota.amount - use.used;
    if (units > room)
      return { kind: 'short', quota, untilMs: use.window.toMs, affords: affordable(want, quota.unit, room) };
    windows.push(use);
  }
  const bounds = busyBounds(slot, windows, moment.nowUs, durationUs);
  const raise = recoveryStep(item, Math.floor(moment.nowUs / 1_000));
  return {
    kind: 'buy',
    change: changeOf({
      slot,
      durationUs,
      cost: sum.cost,
      windows,
      raised: raise?.set ?? {},
      answers429: want.answers429 ?? 0,
    }),
    when: {
      op: 'and',
      of: [
        { op: 'equals', path: 'g', value: item.g },
        onTimeline(slot, bounds),
        ...windows.map(quotaHolds),
        ...(raise?.when ?? []),
      ],
    },
    timeline: slot.kind,
    calls: sum.calls - 1,
    cost: sum.cost,
    durationUs,
    fromUs: Math.max(0, ...windows.map(({ window }) => window.fromMs * 1_000)),
    untilUs: Math.min(Number.MAX_SAFE_INTEGER, ...windows.map(({ window }) => window.toMs * 1_000)),
    g: item.g,
    counted: windows.map(({ place, units, window }) => ({ quota: place, fromMs: window.fromMs, units })),
  };
}

/** Where the end of the timeline must be for the slot. */
export const onTimeline = (
  { kind, lowUs }: SlotShape,
  bounds: { readonly low: number; readonly high: number },
): StateCondition =>
  kind === 'busy'
    ? { op: 'between', path: 't', ...bounds }
    : {
        op: 'or',
        of: [
          { op: 'absent', path: 't' },
          { op: 'less', path: 't', value: lowUs },
        ],
      };

interface SlotShape {
  readonly kind: 'busy' | 'idle';
  /** A timeline whose end is before this is idle. */
  readonly lowUs: number;
  /** The latest end of the timeline behind which the slot may lie. */
  readonly highUs: number;
  /** Where the slot is expected to end. */
  readonly endUs: number;
}

/** A slot longer than the horizon may begin within a quarter of it: somebody has to be able to buy it. */
export function slotShape(
  { t, definition }: LimitItem,
  { nowUs, horizonUs, expectsQueue }: Moment,
  durationUs: number,
): SlotShape | { readonly kind: 'wait'; readonly untilUs: number } {
  const burst = burstUs(definition);
  const aheadUs = Math.max(horizonUs - durationUs, Math.floor(horizonUs / 4));
  const range = { lowUs: nowUs - burst, highUs: nowUs + aheadUs };
  if (t !== undefined && t > range.highUs) return { kind: 'wait', untilUs: t - aheadUs };
  if (t !== undefined && (t >= range.lowUs || expectsQueue))
    return { kind: 'busy', ...range, endUs: (t >= range.lowUs ? t : nowUs) + durationUs };
  return { kind: 'idle', ...range, endUs: idleStartUs(nowUs, burst) + durationUs };
}

/** Half the burst, so that a timeline that has just begun anew does not fall idle with the next call. */
const idleStartUs = (nowUs: number, burst: number): number => nowUs - Math.floor(burst / 2);

interface QuotaUse {
  readonly place: number;
  readonly units: number;
  readonly amount: number;
  readonly window: QuotaWindow;
  /** Units counted in the window before. */
  readonly used: number;
  readonly isRolledOver: boolean;
  /** Somebody counts in a later window than the one that was expected: that one is taken, wherever the slot lies. */
  readonly isAhead: boolean;
}

/** A slot counts in the window in which it ends, or in the present one when it ends in the past. */
function quotaUse(
  item: LimitItem,
  asked: { readonly place: number; readonly quota: LimitQuota; readonly units: number; readonly endUs: number },
  calendar: QuotaCalendar,
): QuotaUse {
  const { place, quota, units, endUs } = asked;
  const windowAt = (ms: number): QuotaWindow => calendar.windowAt(quota.every, quota.zone, ms);
  const expected = windowAt(Math.floor((endUs - 1) / 1_000));
  const counted = item.windows[place];
  const isAhead = counted !== undefined && counted.from > expected.fromMs;
  const window = isAhead ? { fromMs: counted.from, toMs: windowAt(counted.from).toMs } : expected;
  const isRolledOver = counted === undefined || counted.from < window.fromMs;
  return {
    place,
    units,
    amount: quota.amount,
    window,
    used: isRolledOver ? 0 : counted.used,
    isRolledOver,
    isAhead,
  };
}

function quotaHolds({ place, window, amount, units, isRolledOver }: QuotaUse): StateCondition {
  const from = `windows.${place}.from`;
  return isRolledOver
    ? {
        op: 'or',
        of: [
          { op: 'absent', path: from },
          { op: 'less', path: from, value: window.fromMs },
        ],
      }
    : {
        op: 'and',
        of: [
          { op: 'equals', path: from, value: window.fromMs },
          { op: 'at-most', path: `windows.${place}.used`, value: amount - units },
        ],
      };
}

/** Where `t` may be so that the slot behind it ends in the windows it is counted in. */
function busyBounds(
  slot: SlotShape,
  windows: readonly QuotaUse[],
  nowUs: number,
  durationUs: number,
): { readonly low: number; readonly high: number } {
  let { lowUs: low, highUs: high } = slot;
  for (const { window, isAhead } of windows) {
    high = Math.min(high, window.toMs * 1_000 - durationUs);
    if (window.fromMs * 1_000 > nowUs && !isAhead) low = Math.max(low, window.fromMs * 1_000 - durationUs + 1);
  }
  return { low, high };
}

function changeOf(bought: {
  readonly slot: SlotShape;
  readonly durationUs: number;
  readonly cost: Cost;
  readonly windows: readonly QuotaUse[];
  readonly raised: Readonly<Record<string, number>>;
  readonly answers429: number;
}): StateChange {
  const { slot, durationUs, cost, windows, raised, answers429 } = bought;
  const added = windows.filter(({ isRolledOver }) => !isRolledOver);
  const begun = windows.filter(({ isRolledOver }) => isRolledOver);
  return {
    set: {
      ...raised,
      ...(slot.kind === 'idle' ? { t: slot.endUs } : {}),
      ...Object.fromEntries(
        begun.map(({ place, window, units }) => [`windows.${place}`, { from: window.fromMs, used: units }]),
      ),
    },
    add: {
      ...(slot.kind === 'busy' ? { t: durationUs } : {}),
      ...(answers429 === 0 ? {} : { answers429 }),
      ...Object.fromEntries(Object.entries(cost).map(([unit, units]) => [`sold.${unit}`, units])),
      ...Object.fromEntries(added.map(({ place, units }) => [`windows.${place}.used`, units])),
    },
  };
}

/** How many of the calls, after the debt, fit into `room` units. */
function affordable({ calls, debt }: Want, unit: string, room: number): number {
  let left = room - (debt[unit] ?? 0);
  for (const [at, cost] of calls.entries()) {
    left -= cost[unit] ?? 0;
    if (left < 0) return at;
  }
  return calls.length;
}
