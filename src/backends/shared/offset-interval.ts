/**
 * What stamps of another clock say of its distance from the monotonic clock here. Each stamp was made between sending a request and receiving its
 * answer, so it bounds the offset from both sides; what all bounds have in common is narrower than any (Marzullo and Owicki, "Maintaining the
 * time in a distributed system", 1983). Pure.
 */

/** A stamp of the other clock, and the moments of the monotonic clock here between which it was made. */
export interface Stamp {
  readonly sentMs: number;
  readonly receivedMs: number;
  /** Epoch milliseconds there, cut to a multiple of `stepMs`. */
  readonly stampMs: number;
  readonly stepMs: number;
}

/** Other clock minus monotonic clock, as known at the monotonic moment `atMs`. */
export interface OffsetInterval {
  readonly lowMs: number;
  readonly highMs: number;
  readonly atMs: number;
}

/** Hosts of one service differ by so much, and their stamps come out of caches that are late by so much. */
const SLACK_MS = 5;
/** Fastest slewing of a clock by NTP on Linux, 500 ppm, with as much again for the other clock and the crystals. */
const DRIFT = 0.001;

/** What one stamp says. */
export const impliedOffset = ({ sentMs, receivedMs, stampMs, stepMs }: Stamp): OffsetInterval => ({
  lowMs: stampMs - receivedMs - SLACK_MS,
  highMs: stampMs + stepMs - sentMs + SLACK_MS,
  atMs: receivedMs,
});

/** The same knowledge later: clocks run at slightly different rates. */
export function aged({ lowMs, highMs, atMs }: OffsetInterval, laterMs: number): OffsetInterval {
  const driftMs = Math.max(0, laterMs - atMs) * DRIFT;
  return { lowMs: lowMs - driftMs, highMs: highMs + driftMs, atMs: Math.max(atMs, laterMs) };
}

/** Both together. When they contradict each other a clock was stepped: only the stamp counts from then on. */
export function narrowed(known: OffsetInterval | null, stamp: Stamp): OffsetInterval {
  const said = impliedOffset(stamp);
  if (known === null) return said;
  const atMs = Math.max(known.atMs, said.atMs);
  const [before, added] = [aged(known, atMs), aged(said, atMs)];
  const lowMs = Math.max(before.lowMs, added.lowMs);
  const highMs = Math.min(before.highMs, added.highMs);
  return lowMs <= highMs ? { lowMs, highMs, atMs } : said;
}

/**
 * Milliseconds to wait before a request whose stamp tells most: it is made, as far as known, just when the other clock steps, so that the answer
 * halves the interval. `tripMs`: how long a request and its answer take.
 */
export function pauseBeforeStampMs(
  known: OffsetInterval,
  { nowMs, stepMs, tripMs }: { readonly nowMs: number; readonly stepMs: number; readonly tripMs: number },
): number {
  const thereMs = nowMs + tripMs / 2 + (known.lowMs + known.highMs) / 2;
  const sinceStepMs = ((thereMs % stepMs) + stepMs) % stepMs;
  return sinceStepMs === 0 ? 0 : stepMs - sinceStepMs;
}
