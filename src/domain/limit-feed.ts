/**
 * How many workers a limit can keep busy. Source: Little's law, calls in flight = calls a second × seconds a call. More workers than that only wait
 * for each other's turns, and the array slots they hold are wasted. Pure.
 */
import { perSecond } from './limit-rate.ts';
import type { JobLimit, LimitDefinition, LimitRate, LimitUnit } from './limit.ts';

/** So that a turn never passes for want of a caller. */
const SPARE = 1.2;

export interface Calls {
  /** Of a call; units that differ from item to item (a path) are left out unless their mean is known. */
  readonly cost: JobLimit['cost'];
  /** How long one call takes, in milliseconds: measured, or assumed. Above 0. */
  readonly latencyMs: number;
  /** Calls that one worker has under way at the same time, at least 1. */
  readonly inFlight: number;
}

export interface Feed {
  /** At least 1. */
  readonly workers: number;
  readonly callsPerSec: number;
  /** The unit that decides. */
  readonly unit: LimitUnit;
}

/** Null: none of its rates is about these calls. `sharePpm`: what is sold of the rates after refusals, in millionths. */
export function mostWorkers(
  { rates }: Pick<LimitDefinition, 'rates'>,
  { cost, latencyMs, inFlight }: Calls,
  sharePpm = 1_000_000,
): Feed | null {
  let feed: Feed | null = null;
  for (const unit of Object.keys(rates)) {
    const units = cost[unit] ?? (unit === 'requests' ? 1 : 0);
    if (typeof units !== 'number' || units === 0) continue;
    const callsPerSec = (perSecond(rates[unit] as LimitRate) * sharePpm) / 1_000_000 / units;
    if (feed !== null && feed.callsPerSec <= callsPerSec) continue;
    const busy = (SPARE * callsPerSec * latencyMs) / 1_000 / inFlight;
    feed = { workers: Math.max(1, Math.ceil(busy)), callsPerSec, unit };
  }
  return feed;
}
