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
/** So many purchases should fit into what is sold ahead: one alone then buys slots of half as many, because it asks when its last one begins. */
const HOPS = 3;

export interface Demand {
  /** A call asks for its turn: of those that got one, the first has come back. */
  asked(): void;
  granted(): void;
  /** A purchase took so long; its slot begins `aheadMs` after it was asked for, because others had bought. */
  answered(tookMs: number, aheadMs: number): void;
  /** Calls to buy when `waiting` of them wait and the whole limit sells `perSecond`. */
  leaseCalls(waiting: number, perSecond: number, graceMs: number): number;
}

export function createDemand(clock: Pick<Clock, 'monotonicMs'>): Demand {
  const underWay: number[] = [];
  let latencyMs: number | null = null;
  let hopMs = 0;
  let lastAheadMs = 0;
  let lastSeconds = SHORTEST_SECONDS;
  let mostSeconds = SHORTEST_SECONDS;
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
    answered(tookMs, aheadMs) {
      lastAheadMs = Math.max(0, aheadMs);
      mostSeconds = 2 * lastSeconds;
      hopMs = hopMs === 0 ? tookMs : hopMs + WEIGHT * (tookMs - hopMs);
    },
    leaseCalls(waiting, perSecond, graceMs) {
      forgetTheGone(clock.monotonicMs());
      // Whoever is alone needs slots that are longer than a purchase takes, or there are gaps between them. Where many buy, the queue hides that
      // time, and slots that long would only make it longer: everybody waits until everybody else's have gone by.
      const neededMs = HOPS * Math.min(hopMs, LONGEST_HOP_MS) - lastAheadMs;
      // No purchase takes more than twice what the last one did: those who begin together learn of each other's first.
      lastSeconds = Math.min(Math.max(SHORTEST_SECONDS, neededMs / 1_000), mostSeconds);
      const wanted = Math.min(MOST_CALLS, Math.max(1, Math.ceil(perSecond * lastSeconds)));
      const usable = usableCalls(waiting + underWay.length, latencyMs ?? ASSUMED_LATENCY_MS, graceMs);
      return Math.min(wanted, Math.max(1, waiting, usable));
    },
  };
}

const usableCalls = (calls: number, latencyMs: number, graceMs: number): number =>
  Math.floor((USABLE_SHARE * calls * graceMs) / Math.max(latencyMs, 1));
