import { limitKey, type Cost, type LimitItem } from '../domain/limit.ts';
import { isAppError } from '../errors/app-error.ts';
import type { BuyerFigures } from './buyer.ts';
import { planEnd, planReturn } from './give-back.ts';
import type { Lease } from './lease.ts';
import type { LimiterDeps } from './needs.ts';
import { priceUs } from './price.ts';

/** What a process holds of a limit when it ends. */
export interface Holdings {
  readonly item: LimitItem | null;
  readonly leases: readonly Lease[];
  readonly debt: Cost;
  /** Refusals of the provider that no purchase has told of. */
  readonly answers429: number;
  readonly figures: BuyerFigures;
}

/**
 * Gives back slots that have not begun, the last one first, and records the debt and the refusals, each slot with one write and the rest with one. An answer that is lost is not asked for again:
 * the slot is lost, or the rest forgotten. Never throws for a table that does not answer.
 *
 * @returns the requests that went back
 */
export async function handBack(name: string, deps: LimiterDeps, held: Holdings): Promise<number> {
  const now = deps.time.now();
  const { item, leases, debt, answers429, figures } = held;
  let givenBack = 0;
  if (item === null) return givenBack;
  const nowUs = now === 'unsure' ? null : Math.ceil(now.nowMs * 1_000);
  const returns = nowUs === null ? [] : leases.toReversed().map((lease) => planReturn(lease, item.definition, nowUs));
  for (const plan of [...returns, planEnd({ debt, durationUs: priceUs(debt, item), answers429 })]) {
    if (plan === null) continue;
    figures.writes += 1;
    try {
      const result = await deps.state.write(limitKey(name), plan.change, plan.when);
      if (result.applied) givenBack -= Math.min(0, plan.change.add?.['sold.requests'] ?? 0);
      else figures.refusedWrites += 1;
    } catch (error) {
      if (!isAppError(error)) throw error;
      deps.log.debug('what was left of a limit could not be given back', { limit: name, error: error.message });
      return givenBack;
    }
  }
  return givenBack;
}
