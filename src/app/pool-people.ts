/** Holders and waiters of a pool as people are shown them. Pure. */
import { DEFAULT_POOL_LEASE_MS, type PoolPlaceItem, type PoolSlotItem } from '../domain/pool.ts';
import { inLine } from '../limiter/pool-turn.ts';
import type { PoolView } from '../limiter/pool-view.ts';
import type { PoolDocument, PoolPerson } from './pool-documents.ts';
import { isoTime } from './status-document.ts';

type Holder = PoolSlotItem | PoolPlaceItem;

/** By the clocks of others, so for people only: who takes a slot decides that by what it has seen itself. */
const isSilent = ({ beatMs = 0, leaseMs = DEFAULT_POOL_LEASE_MS }: Holder, nowMs: number): boolean =>
  nowMs - beatMs > leaseMs;

/** What a holder says of itself. `nowMs` is the time of the table; a clock that is ahead of it has begun now. */
export const personOf = (
  { job = '', node = '', priority = 0, sinceMs = 0, beatMs = 0 }: Holder,
  nowMs: number,
): PoolPerson => ({
  job,
  node,
  priority,
  since: isoTime(sinceMs),
  forMs: Math.max(0, Math.round(nowMs - sinceMs)),
  heardAt: isoTime(beatMs),
  silentMs: Math.max(0, Math.round(nowMs - beatMs)),
});

function slotState(slot: PoolSlotItem | undefined, nowMs: number): PoolDocument['slots'][number]['state'] {
  if (slot?.owner === undefined) return 'free';
  if (isSilent(slot, nowMs)) return 'silent';
  return slot.evictedBy === undefined ? 'held' : 'evicted';
}

/** Every slot by number, also those above the number of slots that are still held. */
export function slotsOf(view: PoolView, nowMs: number): PoolDocument['slots'] {
  const most = view.item?.definition.slots ?? 0;
  const left = [...view.slots].filter(([slot, { owner }]) => slot >= most && owner !== undefined).map(([slot]) => slot);
  return [...Array(most).keys(), ...left.toSorted((a, b) => a - b)].map((slot) => {
    const item = view.slots.get(slot);
    return {
      slot,
      state: slotState(item, nowMs),
      fence: item?.fence ?? 0,
      holder: item?.owner === undefined ? null : personOf(item, nowMs),
      evictedBy: item?.evictedBy ?? null,
    };
  });
}

/** Slots with a holder that lives. */
export const heldOf = (slots: PoolDocument['slots']): number =>
  slots.filter(({ state }) => state === 'held' || state === 'evicted').length;

/** Who waits, in the order of their turns, without those who are silent. */
export const waitingIn = (view: PoolView, nowMs: number): PoolPerson[] =>
  inLine(view.places.values())
    .filter((place) => !isSilent(place, nowMs))
    .map((place) => personOf(place, nowMs));
