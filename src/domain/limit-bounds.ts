/** What follows from a definition alone, whoever reads it: how late a call may be, and how large. */
import { GRACE_MS } from './limit-rate.ts';
import type { LimitDefinition, LimitUnit } from './limit.ts';

/** How far ahead of now a slot may begin. */
export const LONGEST_HORIZON_MS = 120_000;

/** In hard mode one call may use this part of what a window holds, so that the last call of a window has room. */
const LARGEST_CALL_SHARE = 20;

/** Milliseconds after its slot in which a call may still begin, and the longest burst. Hard limits over short windows cannot afford a long one. */
export function graceMs({ mode, rates }: Pick<LimitDefinition, 'mode' | 'rates'>): number {
  if (mode === 'statistical') return GRACE_MS;
  const shortestMs = Math.min(...Object.values(rates).map(({ perMs }) => perMs));
  return Math.max(1, Math.min(GRACE_MS, Math.floor(shortestMs / 10)));
}

/** What one call may cost of a unit: anything that fits the period of the rate; in hard mode one request, or a twentieth of other amounts. */
export function largestCall({ mode, rates }: Pick<LimitDefinition, 'mode' | 'rates'>, unit: LimitUnit): number {
  const rate = rates[unit];
  if (rate === undefined) return Number.MAX_SAFE_INTEGER;
  if (mode === 'statistical') return rate.amount;
  return unit === 'requests' ? 1 : Math.max(1, Math.floor(rate.amount / LARGEST_CALL_SHARE));
}
