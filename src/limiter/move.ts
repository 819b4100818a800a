/**
 * Slots that were given back make the timeline shorter, and then it may end before the slots of those who wait: those pieces will be sold once more.
 * Who holds such a slot gives it up for one at the end of the timeline, so that nobody waits beside free turns, and nothing is sold twice. Pure.
 */
import type { LimitItem } from '../domain/limit.ts';
import type { StateChange, StateCondition } from '../ports/state-table.ts';
import type { Lease } from './lease.ts';
import { priceUs } from './price.ts';
import { onTimeline, slotShape, type Moment } from './purchase.ts';

/** What a slot has to come nearer by, to be worth a write. */
const WORTH_US = 2_000_000;

export interface Move {
  readonly change: StateChange;
  readonly when: StateCondition;
  readonly durationUs: number;
}

/**
 * The write that takes a slot at the end of the timeline in the place of `lease`, which is not spent any more if it is applied; null when that is not
 * worth it. What is sold, and what quotas count, stays as it is: so the new slot must lie in the same windows. Applied twice it loses a slot.
 */
export function planMove(item: LimitItem, lease: Lease, moment: Moment): Move | null {
  const durationUs = priceUs(lease.bought, item);
  const slot = slotShape(item, moment, durationUs);
  const latestUs = lease.startUs - WORTH_US - durationUs;
  if (slot.kind === 'wait' || slot.endUs - durationUs > latestUs) return null;
  // The windows that count the lease have begun, and it lies in them: so does everything between now and the lease.
  if (lease.counted.some(({ fromMs }) => fromMs * 1_000 > moment.nowUs)) return null;
  return {
    change: slot.kind === 'busy' ? { add: { t: durationUs } } : { set: { t: slot.endUs } },
    when: {
      op: 'and',
      of: [
        { op: 'equals', path: 'g', value: item.g },
        onTimeline(slot, { low: slot.lowUs, high: Math.min(slot.highUs, latestUs) }),
      ],
    },
    durationUs,
  };
}

/** The lease in its new place, as the table answered. */
export function movedLease(lease: Lease, { durationUs }: Move, item: LimitItem): Lease {
  const endUs = item.t as number;
  const startUs = endUs - durationUs;
  return {
    ...lease,
    startUs,
    endUs,
    durationUs,
    fromUs: Math.max(startUs, ...lease.counted.map(({ fromMs }) => fromMs * 1_000)),
    untilUs: lease.untilUs - (lease.endUs - endUs),
    g: item.g,
  };
}
