/**
 * How many calls to buy at once: enough that a limit costs few writes, no more than the process can make before they expire. By Little's law, what it
 * can make in a time is its calls under way and waiting, over the time that a call and what follows it take.
 */
import type { Clock } from '../ports/clock.ts';

/** Writes a second that a limit costs when everybody buys so much. */
const WRITES_PER_SECOND = 25;
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

export interface Demand {
  /** A call asks for its turn: of those that got one, the first has come back. */
  asked(): void;
  granted(): void;
  /** A purchase took so long. */
  answered(tookMs: number): void;
  /** Calls to buy when `waiting` of them wait and the whole limit sells `perSecond`. */
  leaseCalls(waiting: number, perSecond: number, graceMs: number): number;
}

export function createDemand(clock: Pick<Clock, 'monotonicMs'>): Demand {
  const underWay: number[] = [];
  let latencyMs: number | null = null;
  let hopMs = 0;
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
    answered(tookMs) {
      hopMs = hopMs === 0 ? tookMs : hopMs + WEIGHT * (tookMs - hopMs);
    },
    leaseCalls(waiting, perSecond, graceMs) {
      forgetTheGone(clock.monotonicMs());
      // A slot shorter than two purchases would be over before the next one is bought.
      const perWrite = Math.max(1 / WRITES_PER_SECOND, (2 * Math.min(hopMs, LONGEST_HOP_MS)) / 1_000);
      const wanted = Math.min(MOST_CALLS, Math.max(1, Math.ceil(perSecond * perWrite)));
      const usable = usableCalls(waiting + underWay.length, latencyMs ?? ASSUMED_LATENCY_MS, graceMs);
      return Math.min(wanted, Math.max(1, waiting, usable));
    },
  };
}

const usableCalls = (calls: number, latencyMs: number, graceMs: number): number =>
  Math.floor((USABLE_SHARE * calls * graceMs) / Math.max(latencyMs, 1));
