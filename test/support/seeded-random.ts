import type { Ids, Random } from '../../src/ports/random.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** mulberry32: the same seed gives the same sequence everywhere. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    },
  };
}

/** Ids that repeat with the seed; ULIDs grow by a counter instead of time. */
export function createSeededIds(seed: number): Ids {
  const random = createSeededRandom(seed);
  const token = (length: number): string =>
    Array.from({ length }, () => ALPHABET[Math.floor(random.next() * 32)]).join('');
  let counter = 0;
  return {
    ulid: () => {
      counter += 1;
      return counter.toString(8).padStart(10, '0') + token(16);
    },
    token,
  };
}
