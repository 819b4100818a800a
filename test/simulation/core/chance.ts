import { createSeededRandom } from '../../support/seeded-random.ts';

/** Everything that is left to chance, drawn from one seed. */
export interface Chance {
  /** Uniform in [0, 1). */
  next(): number;
  /** True with this probability; draws nothing when it is 0. */
  one(probability: number): boolean;
  /** Whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  between(low: number, high: number): number;
  pick<T>(values: readonly T[]): T;
  shuffled<T>(values: readonly T[]): T[];
  /** Another stream that depends on the seed and the name alone. */
  fork(name: string): Chance;
}

export function createChance(seed: number): Chance {
  const random = createSeededRandom(seed);
  // The first numbers of neighbouring seeds are alike.
  for (let skip = 0; skip < 5; skip += 1) random.next();
  const chance: Chance = {
    next: () => random.next(),
    one: (probability) => probability > 0 && random.next() < probability,
    whole: (low, high) => low + Math.floor(random.next() * (high - low + 1)),
    between: (low, high) => low + random.next() * (high - low),
    pick<T>(values: readonly T[]): T {
      return values[Math.floor(random.next() * values.length)] as T;
    },
    shuffled<T>(values: readonly T[]): T[] {
      const copy = [...values];
      for (let last = copy.length - 1; last > 0; last -= 1) {
        const other = Math.floor(random.next() * (last + 1));
        [copy[last], copy[other]] = [copy[other] as T, copy[last] as T];
      }
      return copy;
    },
    fork: (name) => createChance(mixed(seed, name)),
  };
  return chance;
}

/** FNV-1a over the name, begun at the seed. */
function mixed(seed: number, name: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}
