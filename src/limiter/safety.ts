/**
 * What the limiter promises, as arithmetic. Slots are disjoint pieces of a timeline, and a call of slot [a, b] reaches the provider within
 * [a − ε, b + G + ε + J]: G the grace, ε the error of the shared time, J how much later one call arrives than another. From that follows what any
 * window of the provider can see, and what may be sold so that it sees no more than it allows.
 */
import { graceMs, largestCall } from '../domain/limit-bounds.ts';
import type { LimitDefinition, LimitRate, LimitUnit } from '../domain/limit.ts';

/** Nothing is bought or spent while the shared time may be wrong by more. */
export const MOST_ERROR_MS = 300;
/** How much longer one call takes to be counted by the provider than another. */
const SPREAD_MS = 1_000;

/** Measured for windows as long as the rate's own: what has to be left unsold so that they hold the stated amount within 1 %. */
const STATISTICAL_PPM: readonly (readonly [perMs: number, ppm: number])[] = [
  [60_000, 990_000],
  [10_000, 930_000],
  [0, 700_000],
];

/** Microseconds of unused rate that may be saved up; never more than the grace. */
export const burstUs = (definition: LimitDefinition): number =>
  Math.floor(Math.min(definition.burstMs, graceMs(definition)) * 1_000);

/** Share of a rate that is sold while the provider refuses nothing, in millionths, rounded down, at least 1. */
export function sellablePpm(definition: LimitDefinition, unit: LimitUnit): number {
  const rate = definition.rates[unit] as LimitRate;
  if (definition.mode === 'statistical')
    return (STATISTICAL_PPM.find(([perMs]) => rate.perMs >= perMs) as readonly [number, number])[1];
  // Calls whose slots lie in a stretch as long as the window and all delays may be seen together; the last of them may be the largest.
  const stretchMs = BigInt(rate.perMs + delaysMs(definition));
  const amount = BigInt(rate.amount);
  const beforeLast = amount - BigInt(largestCall(definition, unit)) + 1n;
  const ppm = (beforeLast * BigInt(rate.perMs) * 1_000_000n) / (amount * stretchMs);
  return ppm < 1n ? 1 : Number(ppm);
}

/**
 * The published bound: the most units that a provider can see in any window of `windowMs`, whatever happens to workers, clocks (within
 * MOST_ERROR_MS), the table and its answers. Not in it: units that were given back and sold again, and calls that cost more than they said.
 */
export function mostSeen(
  definition: LimitDefinition,
  unit: LimitUnit,
  seen: { readonly windowMs: number; readonly longestLeaseMs: number; readonly largestCall: number },
): number {
  const rate = definition.rates[unit] as LimitRate;
  const soldPerMs = (rate.amount / rate.perMs) * (sellablePpm(definition, unit) / 1e6);
  // A hard limit lets each call begin within the grace of its own moment; otherwise a lease may be late as a whole.
  const lateMs = definition.mode === 'hard' ? 0 : seen.longestLeaseMs;
  return Math.ceil(soldPerMs * (seen.windowMs + lateMs + delaysMs(definition))) + seen.largestCall;
}

const delaysMs = (definition: LimitDefinition): number => graceMs(definition) + 2 * MOST_ERROR_MS + SPREAD_MS;
