import type { Random } from '../ports/random.ts';

/** Pauses between tries that fail one after the other: each twice as long as the last, half of it left to chance. */
export function createPauses(random: Random): { next(firstMs: number, longestMs: number): number; reset(): void } {
  let tries = 0;
  return {
    next(firstMs, longestMs) {
      const ms = Math.min(longestMs, firstMs * 2 ** Math.min(tries, 30));
      tries += 1;
      return ms * (0.5 + random.next() / 2);
    },
    reset: () => void (tries = 0),
  };
}
