/** Whose turn it is, and which slots may be taken. Pure. */
import type { PoolPlaceItem, PoolSlotItem } from '../domain/pool.ts';
import type { Silent } from './pool-silence.ts';
import type { PoolView } from './pool-view.ts';

/** A slot that may be taken: as it was seen, which is the condition under which it is taken. */
export interface OpenSlot {
  readonly index: number;
  /** Null: it was never taken. With an owner: that one is silent. */
  readonly seen: PoolSlotItem | null;
}

/** Who asks. Without a ticket it stands behind all others of its priority. */
export interface Asker {
  readonly priority: number;
  /** The place it has, or had: nobody stands before itself. */
  readonly place: number | null;
  readonly ticket: number | null;
  readonly owner: string;
}

export interface Standing {
  /** In the order of their numbers. */
  readonly open: readonly OpenSlot[];
  /** How many stand before the asker. It may take a slot when there are more open ones. */
  readonly ahead: number;
}

export const standingOf = (view: PoolView, silent: Silent, asker: Asker): Standing => ({
  open: openSlots(view, silent.slots),
  ahead: aheadOf(view, silent.places, asker),
});

/**
 * Slots that are free, or whose holder is silent. While holders are left over from a time with more slots, only the lowest ones are open: slot `n`
 * when the slots up to it and all that are held above it are not more than there are. That holds for every later moment too, as nobody can take a
 * slot above the number: so a look that is old lets nobody take one too many, and of any number of takers none has to know of the others.
 */
function openSlots({ item, slots }: PoolView, silent: ReadonlySet<number>): OpenSlot[] {
  const most = item?.definition.slots ?? 0;
  const isHeld = (index: number): boolean => slots.get(index)?.owner !== undefined && !silent.has(index);
  let heldAbove = [...slots.keys()].filter((index) => index >= most && isHeld(index)).length;
  const open: OpenSlot[] = [];
  for (let index = most - 1; index >= 0; index -= 1) {
    if (isHeld(index)) heldAbove += 1;
    else if (index + 1 + heldAbove <= most) open.push({ index, seen: slots.get(index) ?? null });
  }
  return open.toReversed();
}

function aheadOf({ places }: PoolView, silent: ReadonlySet<number>, asker: Asker): number {
  let ahead = 0;
  for (const [number, place] of places)
    if (place.owner !== undefined && number !== asker.place && !silent.has(number) && standsBefore(place, asker))
      ahead += 1;
  return ahead;
}

/** Who waits, in the order in which they will have their turn. */
export const inLine = (places: Iterable<PoolPlaceItem>): PoolPlaceItem[] =>
  [...places]
    .filter(({ owner }) => owner !== undefined)
    .toSorted((a, b) =>
      standsBefore(a, { owner: '', priority: 0, ...b })
        ? -1
        : Number(standsBefore(b, { owner: '', priority: 0, ...a })),
    );

function standsBefore({ owner = '', ticket, priority = 0 }: PoolPlaceItem, asker: Omit<Asker, 'place'>): boolean {
  if (priority !== asker.priority) return priority > asker.priority;
  if (asker.ticket === null || ticket !== asker.ticket) return asker.ticket === null || ticket < asker.ticket;
  return owner < asker.owner;
}

/** Places that may be taken are as many as these more than those in use, so that many who come at once seldom meet. */
const SPARE_PLACES = 64;

/**
 * A place to wait at, drawn among those that are free or whose waiter is silent, and a ticket larger than all to be seen: whoever had its place
 * before this look stands before the asker, whatever clocks say. Source: Lamport's bakery.
 */
export function freePlace(
  { places }: PoolView,
  silent: ReadonlySet<number>,
  chance: number,
): { readonly number: number; readonly seen: PoolPlaceItem | null; readonly ticket: number } {
  const isTaken = (number: number): boolean => places.get(number)?.owner !== undefined && !silent.has(number);
  const taken = [...places.keys()].filter(isTaken).length;
  const free = Array.from({ length: 2 * taken + SPARE_PLACES }, (_, number) => number).filter(
    (number) => !isTaken(number),
  );
  const number = free[Math.floor(chance * free.length)] as number;
  const last = Math.max(0, ...[...places.values()].map(({ ticket }) => ticket));
  return { number, seen: places.get(number) ?? null, ticket: last + 1 };
}
