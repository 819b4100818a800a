/** Time an element keeps to save its work before the limit; also the least that must be left to begin a first task. */
const WARN_MS = 30_000;
/** Of short time limits only this part, else a one-minute job could never begin. */
const WARN_SHARE = 0.1;
/** Tasks differ: expect the next to be this much longer than the longest so far. */
const SAFETY = 1.2;
const SEAL_MS = 10_000;

export interface ClaimWindow {
  readonly nowMs: number;
  /** Null: no time limit. */
  readonly endsAtMs: number | null;
  /** The element's time limit as asked for (`resources.time`). */
  readonly timeMs: number;
  /** Longest task this element has run; null before the first. */
  readonly longestTaskMs: number | null;
}

/** Is there time for another task? An element that begins one it cannot finish costs a checkpoint and an attempt. */
export function mayClaim({ nowMs, endsAtMs, timeMs, longestTaskMs }: ClaimWindow): boolean {
  if (endsAtMs === null) return true;
  const reserveMs = Math.min(WARN_MS, timeMs * WARN_SHARE);
  if (longestTaskMs === null) return endsAtMs - nowMs > reserveMs;
  const expectedMs = longestTaskMs * SAFETY + Math.min(SEAL_MS, reserveMs);
  return endsAtMs - nowMs > Math.max(reserveMs, expectedMs);
}
