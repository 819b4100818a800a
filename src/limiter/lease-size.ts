/**
 * How many calls to buy at once: enough that a limit costs few writes, no more than the process can make before they expire. By Little's law, what it
 * can make in a time is its calls under way and waiting, over the time that a call and what follows it take.
 */
import type { Clock } from '../ports/clock.ts';

/** Of what a limit sells, how much one purchase takes: 25 writes a second are what a limit costs when everybody buys so much. */
const SHORTEST_SECONDS = 1 / 25;
/** Of what could be made within the grace: calls are not equally long. */
const USABLE_SHARE = 0.7;
const MOST_CALLS = 10_000;
/** Of each new measurement in the mean. */
const WEIGHT = 0.2;
/** Of a call and what follows it, before any has come back. */
const ASSUMED_LATENCY_MS = 1_000;
/** Whoever has not come back for so long is not coming. */
const GONE_MS = 120_000;
const LONGEST_HOP_MS = 1_000;
/**
 * A round, from the beginning of one slot of a process to that of its next, lasts as long as so many purchases, because it asks when its last slot begins
 * and nobody is to meet an empty queue meanwhile; and as the error of the shared time, or those whose clocks are ahead would have the turns of the others.
 */
const HOPS = 3;
const ERRORS = 1;
/** Of what a round is too short by, what one purchase adds: the others add theirs. */
const STEPS = 6;
/** Less than what would do, so that sizes are never at rest while they are unequal. */
const KEPT = 0.9;

export interface Demand {
  /** A call asks for its turn: of those that got one, the first has come back. */
  asked(): void;
  granted(): void;
  /** A purchase took so long; its slot begins at `startMs` of the shared time, which may be wrong by `errorMs`. */
  answered(tookMs: number, startMs: number, errorMs: number): void;
  /** Calls to buy when `waiting` of them wait and the whole limit sells `perSecond`. */
  leaseCalls(waiting: number, perSecond: number, graceMs: number): number;
}

export function createDemand(clock: Pick<Clock, 'monotonicMs'>): Demand {
  const underWay: number[] = [];
  let latencyMs: number | null = null;
  let hopMs = 0;
  let seconds = SHORTEST_SECONDS;
  let lastStartMs: number | null = null;
  const forgetTheGone = (nowMs: number): void => {
    while (underWay.length > 0 && nowMs - (underWay[0] as number) > GONE_MS) underWay.shift();
  };
  return {
    asked() {
      const nowMs = clock.monotonicMs();
      forgetTheGone(nowMs);
      const sinceMs = underWay.shift();
      if (sinceMs === undefined) return;
      const tookMs = nowMs - sinceMs;
      latencyMs = latencyMs === null ? tookMs : latencyMs + WEIGHT * (tookMs - latencyMs);
    },
    granted: () => void underWay.push(clock.monotonicMs()),
    answered(tookMs, startMs, errorMs) {
      hopMs = hopMs === 0 ? tookMs : hopMs + WEIGHT * (tookMs - hopMs);
      const roundMs = lastStartMs === null ? Number.POSITIVE_INFINITY : startMs - lastStartMs;
      lastStartMs = startMs;
      const wantedMs = HOPS * Math.min(hopMs, LONGEST_HOP_MS) + ERRORS * errorMs;
      // Additive increase, multiplicative decrease (Chiu and Jain, 1989): so sizes that began unequal become equal.
      if (roundMs > wantedMs) seconds *= Math.max(0.5, (KEPT * wantedMs) / roundMs);
      else seconds += Math.min(seconds, (wantedMs - roundMs) / 1_000 / STEPS);
      seconds = Math.max(SHORTEST_SECONDS, seconds);
    },
    leaseCalls(waiting, perSecond, graceMs) {
      forgetTheGone(clock.monotonicMs());
      const wanted = Math.min(MOST_CALLS, Math.max(1, Math.ceil(perSecond * seconds)));
      const usable = usableCalls(waiting + underWay.length, latencyMs ?? ASSUMED_LATENCY_MS, graceMs);
      return Math.min(wanted, Math.max(1, waiting, usable));
    },
  };
}

const usableCalls = (calls: number, latencyMs: number, graceMs: number): number =>
  Math.floor((USABLE_SHARE * calls * graceMs) / Math.max(latencyMs, 1));
