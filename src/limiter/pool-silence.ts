/**
 * Who was silent for a whole lease, as one observer sees it. Clocks of hosts are never compared: a heartbeat that was the same at two looks, a lease
 * apart on the observer's monotonic clock, is that of a holder that has given up its slot by then. Pure.
 */
import { DEFAULT_POOL_LEASE_MS, type PoolPlaceItem, type PoolSlotItem } from '../domain/pool.ts';
import type { PoolView } from './pool-view.ts';

/** When a look was taken, in monotonic milliseconds: what it shows was true at some moment between. */
export interface LookTime {
  readonly begunMs: number;
  readonly endedMs: number;
}

/** Numbers of slots and places whose holders are silent. */
export interface Silent {
  readonly slots: ReadonlySet<number>;
  readonly places: ReadonlySet<number>;
}

export interface SilenceWatch {
  /** Takes a look into account. Looks come one after the other. */
  judge(view: PoolView, time: LookTime): Silent;
}

interface Heard {
  readonly words: string;
  /** The words were there at this moment or before. */
  readonly sinceMs: number;
}

export function createSilenceWatch(): SilenceWatch {
  let slots: ReadonlyMap<number, Heard> = new Map();
  let places: ReadonlyMap<number, Heard> = new Map();
  return {
    judge(view, time) {
      const ofSlots = judged(view.slots, slots, time);
      const ofPlaces = judged(view.places, places, time);
      slots = ofSlots.heard;
      places = ofPlaces.heard;
      return { slots: ofSlots.silent, places: ofPlaces.silent };
    },
  };
}

function judged(
  items: ReadonlyMap<number, PoolSlotItem | PoolPlaceItem>,
  before: ReadonlyMap<number, Heard>,
  { begunMs, endedMs }: LookTime,
): { readonly heard: ReadonlyMap<number, Heard>; readonly silent: ReadonlySet<number> } {
  const heard = new Map<number, Heard>();
  const silent = new Set<number>();
  for (const [number, { owner, beat, leaseMs = DEFAULT_POOL_LEASE_MS }] of items) {
    if (owner === undefined) continue;
    const words = `${owner} ${beat}`;
    const last = before.get(number);
    const same = last?.words === words ? last : { words, sinceMs: endedMs };
    heard.set(number, same);
    // From the end of the first look to the beginning of this one: so long it was silent for certain.
    if (begunMs - same.sinceMs >= leaseMs) silent.add(number);
  }
  return { heard, silent };
}
