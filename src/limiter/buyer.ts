import { LONGEST_HORIZON_MS } from '../domain/limit-bounds.ts';
import { limitKey, type Cost, type LimitItem, type LimitQuota, type LimitUnit } from '../domain/limit.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateItem } from '../ports/state-table.ts';
import { leaseOf, type Lease } from './lease.ts';
import { limitUnknown } from './limit-unknown.ts';
import { movedLease, planMove } from './move.ts';
import type { LimiterDeps } from './needs.ts';
import { planPurchase, type Purchase } from './purchase.ts';
import { createQuotaCalendar } from './quota-window.ts';
import { createPauses } from './pauses.ts';

/** What the limiter did, for people and for measurements. */
export interface BuyerFigures {
  reads: number;
  writes: number;
  /** Of the writes, those whose condition did not hold. */
  refusedWrites: number;
}

export type Bought =
  | { readonly kind: 'lease'; readonly lease: Lease; readonly debt: Cost }
  /** Nothing is to be had for so long. */
  | { readonly kind: 'later'; readonly ms: number }
  | { readonly kind: 'spent'; readonly quota: LimitQuota; readonly untilMs: number; readonly ms: number };

export interface Buyer {
  /** The limit as it was seen last; null before the first look. */
  seen(): LimitItem | null;
  see(item: LimitItem): void;
  /** Reads the limit. @throws LIMIT_UNKNOWN, STATE_* */
  look(): Promise<LimitItem>;
  /** Buys a slot for the calls, or finds out when to try again. A table that does not answer is tried again later. @throws LIMIT_UNKNOWN, STATE_* */
  buy(calls: readonly Cost[], debt: Cost): Promise<Bought>;
  /** Tries to take a nearer slot in the place of this one, with the limit as it was seen last; null: it stays. @throws STATE_* */
  move(lease: Lease): Promise<Lease | null>;
  readonly figures: BuyerFigures;
}

/** Conditions that fail because others bought meanwhile: so many at once, then after a pause. */
const TRIES = 3;
const SHORTEST_HORIZON_MS = 1_000;
/** What lies beyond the horizon is tried for again by many at once: spread over so long at first. */
const SPREAD_MS = 1_000;

/** Buys slots of one limit. */
export function createBuyer(name: string, deps: LimiterDeps): Buyer {
  const { state, random, time } = deps;
  const calendar = createQuotaCalendar();
  const figures: BuyerFigures = { reads: 0, writes: 0, refusedWrites: 0 };
  const pauses = createPauses(random);
  let item: LimitItem | null = null;
  let expectsQueue = false;
  let isOld = false;

  const see = (current: StateItem | null): LimitItem => {
    if (current === null) throw limitUnknown(name);
    item = current as unknown as LimitItem;
    return item;
  };
  const write = async (purchase: Pick<Purchase, 'change' | 'when'>): Promise<boolean> => {
    figures.writes += 1;
    const result = await state.write(limitKey(name), purchase.change, purchase.when, { repeatable: true });
    see(result.applied ? result.item : result.current);
    if (!result.applied) figures.refusedWrites += 1;
    return result.applied;
  };
  const look = async (): Promise<LimitItem> => {
    figures.reads += 1;
    return see(await state.get(limitKey(name)));
  };

  const tryToBuy = async (calls: readonly Cost[], debt: Cost): Promise<Bought> => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      // A write that is refused costs more than a read.
      const known = item === null || isOld ? await look() : item;
      isOld = false;
      const now = time.now();
      if (now === 'unsure') break;
      const nowUs = Math.floor(now.nowMs * 1_000);
      const paid = payable(debt, calls[0] ?? {}, known);
      const moment = { nowUs, horizonUs: horizonUs(deps), expectsQueue };
      const plan = planPurchase(known, { calls, debt: paid }, moment, calendar);
      if (plan.kind === 'wait') {
        isOld = true;
        return { kind: 'later', ms: (plan.untilUs - nowUs) / 1_000 + pauses.next(SPREAD_MS, LONGEST_HORIZON_MS / 4) };
      }
      if (plan.kind === 'spent')
        return { ...plan, ms: Math.max(0, plan.untilMs - now.nowMs) + random.next() * SPREAD_MS };
      const isBought = await write(plan);
      expectsQueue = (item?.t ?? 0) - (isBought ? plan.durationUs : 0) > nowUs;
      if (!isBought) continue;
      pauses.reset();
      return { kind: 'lease', lease: leaseOf(plan, item as unknown as LimitItem, paid), debt: paid };
    }
    return { kind: 'later', ms: pauses.next(50, 5_000) };
  };

  return {
    seen: () => item,
    see: (seen) => void (item = seen),
    look,
    async buy(calls, debt) {
      try {
        return await tryToBuy(calls, debt);
      } catch (error) {
        if (!isAppError(error) || !error.retryable) throw error;
        deps.log.debug('the table of a limit did not answer', { limit: name, code: error.code, error: error.message });
        // Whether it was applied or not: at worst one slot is lost.
        return { kind: 'later', ms: pauses.next(500, 30_000) };
      }
    },
    async move(lease) {
      const now = time.now();
      if (now === 'unsure' || item === null) return null;
      const nowUs = Math.floor(now.nowMs * 1_000);
      const plan = planMove(item, lease, { nowUs, horizonUs: horizonUs(deps), expectsQueue });
      return plan !== null && (await write(plan)) ? movedLease(lease, plan, item as LimitItem) : null;
    },
    figures,
  };
}

/** Half of the time the process has left: a slot is no good to one that has ended, or gives its work back, by then. */
function horizonUs({ endsAtMs, clock }: LimiterDeps): number {
  const leftMs = endsAtMs === null ? Number.POSITIVE_INFINITY : (endsAtMs - clock.nowMs()) / 2;
  return Math.floor(Math.max(SHORTEST_HORIZON_MS, Math.min(LONGEST_HORIZON_MS, leftMs)) * 1_000);
}

/** Of a debt, what a quota has room for beside the call, and what the rate sells in its period: the rest is paid later. */
function payable(debt: Cost, call: Cost, { definition: { rates, quotas } }: LimitItem): Cost {
  const paid: Record<LimitUnit, number> = {};
  for (const [unit, units] of Object.entries(debt)) {
    const rooms = quotas.filter((quota) => quota.unit === unit).map(({ amount }) => amount - (call[unit] ?? 0));
    const part = Math.max(0, Math.min(units, rates[unit]?.amount ?? units, ...rooms));
    if (part > 0) paid[unit] = part;
  }
  return paid;
}
