/** How long who waits for a slot looks away. Pure. */
const FIRST_MS = 200;
const GROWTH = 1.6;
/** For those who may be among the next: the very next one is one process a pool, and what it does not notice nobody uses. */
const NEXT_MS = 500;
const FRONT_MS = 2_000;
const LONGEST_MS = 10_000;

/** What the last look showed. */
export interface Progress {
  /** Looks since the waiting began. */
  readonly looks: number;
  readonly ahead: number;
  readonly slots: number;
  /** By how much the line moved since the look before, and how long that took; 0: it did not. */
  readonly moved: number;
  readonly elapsedMs: number;
}

/**
 * The pause until the next look, in milliseconds: grows from look to look to 0.5 s for who is the next, 2 s for the others at the front and 10 s for the
 * rest; in a line that moves, half of what is left at its pace; never below 200 ms, less a share of at most one half that is left to `chance`, in [0, 1).
 */
export function lookPauseMs({ looks, ahead, slots, moved, elapsedMs }: Progress, chance: number): number {
  const longest = ahead < slots ? Math.min(FRONT_MS, NEXT_MS * (ahead + 1)) : LONGEST_MS;
  const grown = Math.min(longest, FIRST_MS * GROWTH ** Math.min(looks, 30));
  const left = moved > 0 ? (ahead * elapsedMs) / moved / 2 : Infinity;
  return Math.max(FIRST_MS, Math.min(grown, left)) * (0.5 + chance / 2);
}
