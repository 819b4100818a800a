import type { Cost, LimitDefinition, LimitUnit } from '../domain/limit.ts';
import { AppError } from '../errors/app-error.ts';
import { largestCall } from '../domain/limit-bounds.ts';
import { sellablePpm } from './safety.ts';

/** What the price of a lease depends on; `m` is the share of the rate that is sold, in millionths. */
export interface Terms {
  readonly definition: LimitDefinition;
  readonly m: number;
}

/** Of one unit, for one call; and for all calls of a lease, so that sums stay exact. */
const MOST_UNITS = 1_000_000_000_000_000;
const MOST_TOGETHER = 4 * MOST_UNITS;
const PPM = 1_000_000n;

/**
 * Microseconds of the timeline that a cost takes: that of its dearest rate, rounded up. Exact: inside it is all whole numbers of any size. 0 only
 * when no rate is touched. In hard mode one microsecond more, because a rate that just fits its windows does not.
 */
export function priceUs(cost: Cost, { definition, m }: Terms): number {
  let dearest = 0n;
  for (const [unit, { amount, perMs }] of Object.entries(definition.rates)) {
    const units = BigInt(cost[unit] ?? 0);
    if (units === 0n) continue;
    const over = units * BigInt(perMs) * 1_000n * PPM * PPM;
    const under = BigInt(amount) * BigInt(m) * BigInt(sellablePpm(definition, unit));
    const price = (over + under - 1n) / under + (definition.mode === 'hard' ? 1n : 0n);
    if (price > dearest) dearest = price;
  }
  return Number(dearest);
}

/** Units the definition counts, by a rate or by a quota. */
const unitsCounted = ({ rates, quotas }: LimitDefinition): Set<LimitUnit> =>
  new Set([...Object.keys(rates), ...quotas.map(({ unit }) => unit)]);

/**
 * The cost as it is counted: one request unless told, and nothing that the limit does not count.
 * @throws LIMIT_COST for what is no whole number of at least 0, or a unit the limit does not have
 */
export function countedCost(name: string, cost: Cost, definition: LimitDefinition): Cost {
  const counted = unitsCounted(definition);
  const checked: Record<LimitUnit, number> = {};
  for (const [unit, units] of Object.entries({ requests: 1, ...cost })) {
    if (!Number.isSafeInteger(units) || units < 0 || units > MOST_UNITS)
      throw wrongCost(name, unit, units, 'a whole number of at least 0');
    if (counted.has(unit)) checked[unit] = units;
    else if (unit !== 'requests') throw wrongCost(name, unit, units, `one of its units: ${[...counted].join(', ')}`);
  }
  return checked;
}

/** The counted cost of a call that wants to begin. @throws LIMIT_COST, also for more than the limit can ever sell for one call */
export function checkedCost(name: string, cost: Cost, definition: LimitDefinition): Cost {
  const counted = countedCost(name, cost, definition);
  for (const [unit, units] of Object.entries(counted)) {
    const most = Math.min(largestCall(definition, unit), ...quotaAmounts(definition, unit));
    if (units > most) throw wrongCost(name, unit, units, `at most ${most}, the most it sells for one call`);
  }
  return counted;
}

const wrongCost = (name: string, unit: string, found: unknown, expected: string): AppError =>
  new AppError('LIMIT_COST', {
    message: `limit ${name}: found a cost of ${typeof found === 'number' ? found : JSON.stringify(found)} for ${unit}, expected ${expected}`,
    hint: `Correct the cost in the handler or the job file, or make the call smaller; see its figures with: slurmctl limit show ${name}`,
  });

const quotaAmounts = ({ quotas }: LimitDefinition, unit: LimitUnit): number[] =>
  quotas.filter((quota) => quota.unit === unit).map(({ amount }) => amount);

/** What several calls cost together. Stops before a sum would not be exact; `calls` is how many are in it. */
export function sumOf(costs: readonly Cost[]): { readonly cost: Cost; readonly calls: number } {
  const sum: Record<LimitUnit, number> = {};
  let calls = 0;
  for (const cost of costs) {
    const units = Object.entries(cost);
    if (units.some(([unit, amount]) => (sum[unit] ?? 0) + amount > MOST_TOGETHER)) break;
    for (const [unit, amount] of units) sum[unit] = (sum[unit] ?? 0) + amount;
    calls += 1;
  }
  return { cost: sum, calls };
}
