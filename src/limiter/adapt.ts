/**
 * What refusals of the provider do to the price, for everybody: one fenced write makes it dearer, ordinary purchases make it cheaper again. Source:
 * additive increase, multiplicative decrease. Pure.
 */
import type { LimitItem } from '../domain/limit.ts';
import type { StateChange, StateCondition } from '../ports/state-table.ts';

const ALL_PPM = 1_000_000;
/** The rate that is left however often the provider refuses. */
const LEAST_PPM = 50_000;
const KEPT_TENTHS = 7;
/** A decrease shows only after what was sold before it is spent. */
const BETWEEN_DECREASES_MS = 10_000;
const STEP_PPM = 20_000;
const BETWEEN_STEPS_MS = 30_000;

/**
 * The write by which one of many refused callers makes the price dearer; null when somebody did so a moment ago. The generation `g` is the one under
 * which the refused call was sold: of any number of reports about it, one counts. `sellAgainMs`: nothing is sold before this moment of the shared time.
 */
export function planDecrease(
  item: Pick<LimitItem, 'm' | 'la' | 't'>,
  refused: { readonly g: number; readonly nowMs: number; readonly sellAgainMs: number | null },
): { readonly change: StateChange; readonly when: StateCondition } | null {
  const { g, nowMs, sellAgainMs } = refused;
  const pushedUs = sellAgainMs === null ? 0 : Math.ceil(sellAgainMs * 1_000);
  const pushes = pushedUs > (item.t ?? 0);
  const push = pushes ? { t: pushedUs } : {};
  const isSold: StateCondition = { op: 'equals', path: 'g', value: g };
  const fits = pushes ? [notBeyond(pushedUs)] : [];
  // It need not sell less once more, but the provider may have said for how long it wants no calls.
  if (item.la !== undefined && nowMs - item.la < BETWEEN_DECREASES_MS)
    return pushes ? { change: { set: push }, when: { op: 'and', of: [isSold, ...fits] } } : null;
  return {
    change: { set: { m: decreased(item.m), la: Math.floor(nowMs), ...push }, add: { g: 1, refusals: 1 } },
    when: { op: 'and', of: [isSold, { op: 'equals', path: 'm', value: item.m }, ...fits] },
  };
}

const decreased = (m: number): number => Math.max(LEAST_PPM, Math.floor((m * KEPT_TENTHS) / 10));

/** Moving `t` back would sell slots twice. */
const notBeyond = (us: number): StateCondition => ({
  op: 'or',
  of: [
    { op: 'absent', path: 't' },
    { op: 'less', path: 't', value: us },
  ],
});

/** What a purchase adds to itself when the last refusal and the last step are long enough ago; null when nothing is to be recovered yet. */
export function recoveryStep(
  { m, la, up }: Pick<LimitItem, 'm' | 'la' | 'up'>,
  nowMs: number,
): { readonly set: Readonly<Record<string, number>>; readonly when: readonly StateCondition[] } | null {
  if (m >= ALL_PPM || nowMs - Math.max(la ?? 0, up ?? 0) < BETWEEN_STEPS_MS) return null;
  return {
    set: { m: Math.min(ALL_PPM, m + STEP_PPM), up: nowMs },
    // Of many buyers that see the same, one takes the step.
    when: [up === undefined ? { op: 'absent', path: 'up' } : { op: 'equals', path: 'up', value: up }],
  };
}
