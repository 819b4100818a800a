/**
 * Sums by key in bounded memory. Exact for up to `limit` keys. With more, those up to the median make room at once, so that an addition costs the same however
 * many keys there are; a key that comes after that begins with what it may have lost (Metwally et al., "Efficient Computation of Frequent and Top-k
 * Elements in Data Streams", 2005), so that one with more than two `limit`-ths of everything is never lost. What is told of a key is never more than was
 * added for it. Pure.
 */
export interface BoundedSum<T> {
  /** @param value told with the key; the first one stays */
  add(key: string, amount: number, value: T): void;
  /** Largest first, then by key. */
  entries(): readonly Summed<T>[];
  /** Of all keys that are told. */
  total(): number;
}

export interface Summed<T> {
  readonly key: string;
  readonly amount: number;
  readonly value: T;
}

interface Slot<T> {
  amount: number;
  /** As much may have been added for it before it made room. */
  readonly missed: number;
  readonly value: T;
}

const weightOf = <T>({ amount, missed }: Slot<T>): number => amount + missed;

/** @param limit most keys remembered, 2 or more */
export function createBoundedSum<T>(limit: number): BoundedSum<T> {
  const slots = new Map<string, Slot<T>>();
  let missed = 0;
  const makeRoom = (): void => {
    const weights = Float64Array.from(slots.values(), weightOf).sort();
    missed = weights[Math.floor(slots.size / 2)] ?? missed;
    for (const [key, slot] of slots) if (weightOf(slot) <= missed) slots.delete(key);
  };
  return {
    add(key, amount, value) {
      const known = slots.get(key);
      if (known !== undefined) {
        known.amount += amount;
        return;
      }
      slots.set(key, { amount, missed, value });
      if (slots.size > limit) makeRoom();
    },
    entries: () => [...slots].map(([key, { amount, value }]) => ({ key, amount, value })).toSorted(byLargest),
    total: () => [...slots.values()].reduce((sum, { amount }) => sum + amount, 0),
  };
}

const byLargest = (a: Summed<unknown>, b: Summed<unknown>): number =>
  b.amount - a.amount || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
