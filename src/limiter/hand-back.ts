import type { Cost } from '../domain/limit.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Buyer } from './buyer.ts';
import { planEnd, planReturn } from './give-back.ts';
import type { Lease } from './lease.ts';
import type { LimiterDeps } from './needs.ts';
import { priceUs } from './price.ts';

/** What a process holds of a limit when it ends. */
export interface Holdings {
  readonly leases: readonly Lease[];
  readonly debt: Cost;
}

/** Of the last write: a quota may have begun anew meanwhile. */
const TRIES = 3;

/**
 * Gives back slots that have not begun, the last one first, and records the debt and the refusals, each slot with one write and the rest with one. An
 * answer that is lost is not asked for again: the slot is lost, or the rest forgotten. Never throws for a table that does not answer.
 *
 * @returns the requests that went back
 */
export async function handBack(name: string, deps: LimiterDeps, buyer: Buyer, held: Holdings): Promise<number> {
  const now = deps.time.now();
  const { leases, debt } = held;
  const item = buyer.seen();
  const answers429 = buyer.untold();
  const nowUs = now === 'unsure' ? null : Math.ceil(now.nowMs * 1_000);
  let givenBack = 0;
  if (item === null) return givenBack;
  try {
    for (const lease of leases.toReversed()) {
      const plan = nowUs === null ? null : planReturn(lease, item.definition, nowUs);
      if (plan === null) continue;
      const [isBack] = await buyer.write(plan);
      if (isBack) givenBack += lease.bought['requests'] ?? 0;
    }
    for (let tries = 0; tries < TRIES; tries += 1) {
      const seen = buyer.seen() ?? item;
      const plan = planEnd(seen, { debt, durationUs: priceUs(debt, seen), answers429 });
      if (plan === null) break;
      const [isEnded] = await buyer.write(plan);
      if (isEnded) break;
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
    deps.log.debug('what was left of a limit could not be given back', { limit: name, error: error.message });
  }
  return givenBack;
}
