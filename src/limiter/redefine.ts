/** What a change of a definition means for what was sold before. Pure. */
import { LONGEST_HORIZON_MS } from '../domain/limit-bounds.ts';
import type { LimitDefinition, LimitItem, LimitRate } from '../domain/limit.ts';

/**
 * End of the last slot sold (µs), when what lies ahead of it was sold at the old rates: so much of the timeline as those units take at the new ones.
 * Units that either side does not count leave the time as it is. Slots that are sold stay sold, and those who hold them spend them when they planned to:
 * so the end moves back only as far as the horizon, beyond which a slot lies only where a rate of the old definition gives less than one call in that time.
 */
export function soldUntilAfter(
  { t, definition: before }: Pick<LimitItem, 't' | 'definition'>,
  after: LimitDefinition,
  nowMs: number,
): number | undefined {
  const nowUs = Math.floor(nowMs * 1_000);
  if (t === undefined || t <= nowUs) return t;
  const ahead = BigInt(t - nowUs);
  const horizon = BigInt(LONGEST_HORIZON_MS * 1_000);
  let longest = ahead < horizon ? ahead : horizon;
  for (const unit of new Set([...Object.keys(before.rates), ...Object.keys(after.rates)])) {
    const taken = stretched(ahead, before.rates[unit], after.rates[unit]);
    if (taken > longest) longest = taken;
  }
  const end = BigInt(nowUs) + longest;
  return end > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(end);
}

/** Rounded up: less would sell some units twice. */
function stretched(ahead: bigint, before: LimitRate | undefined, after: LimitRate | undefined): bigint {
  if (before === undefined || after === undefined) return ahead;
  const over = ahead * BigInt(before.amount) * BigInt(after.perMs);
  const under = BigInt(before.perMs) * BigInt(after.amount);
  return (over + under - 1n) / under;
}

/** What was counted in the present windows of quotas that stay, at their places in the new definition: another amount is no new day. */
export function quotaWindowsAfter(
  { definition: before, windows }: Pick<LimitItem, 'definition' | 'windows'>,
  after: LimitDefinition,
): LimitItem['windows'] {
  const kept: Record<string, LimitItem['windows'][string]> = {};
  for (const [place, quota] of after.quotas.entries()) {
    const earlier = before.quotas.findIndex(
      ({ unit, every, zone }) => unit === quota.unit && every === quota.every && zone === quota.zone,
    );
    const counted = windows[String(earlier)];
    if (earlier >= 0 && counted !== undefined) kept[String(place)] = counted;
  }
  return kept;
}
