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

/** Of the last write: a quota may have begun anew meanwhile. */
const TRIES = 3;

/**
 * Gives back slots that have not begun, the last one first, and records the debt and the refusals, each slot with one write and the rest with one. An
 * answer that is lost is not asked for again: the slot is lost, or the rest forgotten. Never throws for a table that does not answer.
 *
 * @returns the requests that went back
 */
export async function handBack(name: string, deps: LimiterDeps, held: Holdings): Promise<number> {
  const now = deps.time.now();
  const { item, leases, debt, answers429, figures } = held;
  const nowUs = now === 'unsure' ? null : Math.ceil(now.nowMs * 1_000);
  let givenBack = 0;
  if (item === null) return givenBack;
  const write = async (plan: Pick<NonNullable<ReturnType<typeof planEnd>>, 'change' | 'when'>) => {
    figures.writes += 1;
    const result = await deps.state.write(limitKey(name), plan.change, plan.when);
    if (!result.applied) figures.refusedWrites += 1;
    return result;
  };
  try {
    for (const lease of leases.toReversed()) {
      const plan = nowUs === null ? null : planReturn(lease, item.definition, nowUs);
      if (plan !== null && (await write(plan)).applied) givenBack += lease.bought['requests'] ?? 0;
    }
    let seen: LimitItem | null = item;
    for (let tries = 0; tries < TRIES && seen !== null; tries += 1) {
      const plan = planEnd(seen, { debt, durationUs: priceUs(debt, seen), answers429 });
      if (plan === null) break;
      const result = await write(plan);
      seen = result.applied ? null : (result.current as LimitItem | null);
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
    deps.log.debug('what was left of a limit could not be given back', { limit: name, error: error.message });
  }
  return givenBack;
}
