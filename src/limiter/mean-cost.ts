import type { Cost, LimitUnit } from '../domain/limit.ts';

/** Of each call in the mean. */
const WEIGHT = 0.1;

/** What a call of this process costs as a rule: for calls that are bought before anybody asks for them. Whole units, rounded up. */
export function createMeanCost(): { note(cost: Cost): void; mean(): Cost } {
  let means: Record<LimitUnit, number> | null = null;
  return {
    note(cost) {
      const before: Record<LimitUnit, number> = means ?? { ...cost };
      const units = new Set([...Object.keys(before), ...Object.keys(cost)]);
      means = Object.fromEntries(
        [...units].map((unit) => {
          const mean = before[unit] ?? 0;
          return [unit, mean + WEIGHT * ((cost[unit] ?? 0) - mean)];
        }),
      );
    },
    mean: () => Object.fromEntries(Object.entries(means ?? {}).map(([unit, units]) => [unit, Math.ceil(units - 1e-9)])),
  };
}
