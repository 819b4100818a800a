/**
 * Counts by key in bounded memory. Exact for up to `limit` keys; beyond that the Space-Saving algorithm of Metwally, Agrawal and El Abbadi
 * ("Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005): the rarest key makes room, and a key with more than one `limit`-th of
 * all is never lost. What is told of a key is never more than was counted for it. Pure.
 */
export interface Counted {
  readonly key: string;
  readonly items: number;
  readonly attempts: number;
}

export interface Tally {
  add(key: string, items: number, attempts: number): void;
  /** Takes over what another one counted. */
  addAll(other: Tally): void;
  /** Most items first, then most attempts, then by key. */
  entries(): readonly Counted[];
  /** Keys counted, and perhaps some more. */
  readonly size: number;
}

interface Slot {
  items: number;
  attempts: number;
  /** Weight of those that made room: the key may have come so often before. */
  missed: number;
}

const weightOf = ({ items, attempts, missed }: Slot): number => items + attempts + missed;

/** @param limit most keys remembered */
export function createTally(limit: number): Tally {
  const slots = new Map<string, Slot>();
  const makeRoom = (): number => {
    if (slots.size < limit) return 0;
    let rarest: { readonly key: string; readonly weight: number } | null = null;
    for (const [key, slot] of slots) {
      const weight = weightOf(slot);
      if (rarest === null || weight < rarest.weight) rarest = { key, weight };
    }
    if (rarest === null) return 0;
    slots.delete(rarest.key);
    return rarest.weight;
  };
  const add = (key: string, items: number, attempts: number): void => {
    const known = slots.get(key);
    if (known === undefined) slots.set(key, { items, attempts, missed: makeRoom() });
    else {
      known.items += items;
      known.attempts += attempts;
    }
  };
  return {
    add,
    addAll(other) {
      for (const { key, items, attempts } of other.entries()) add(key, items, attempts);
    },
    entries: () => [...slots].map(([key, { items, attempts }]) => ({ key, items, attempts })).toSorted(byMost),
    get size() {
      return slots.size;
    },
  };
}

/** Most items first, then most attempts, then by key: an order that does not hang on who came first. */
export const byMost = (a: Counted, b: Counted): number =>
  b.items - a.items || b.attempts - a.attempts || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
