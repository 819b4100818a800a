import { LONGEST_HORIZON_MS } from '../domain/limit-bounds.ts';
import { limitKey, type Cost, type LimitItem, type LimitQuota, type LimitUnit } from '../domain/limit.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateChange, StateCondition, StateItem, WriteOptions } from '../ports/state-table.ts';
import { leaseOf, type Lease } from './lease.ts';
import { limitUnknown } from './limit-unknown.ts';
import { movedLease, planMove } from './move.ts';
import type { LimiterDeps } from './needs.ts';
import { planPurchase, type Moment } from './purchase.ts';
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

export interface LimitWrite {
  readonly change: StateChange;
  readonly when: StateCondition;
}

export interface Buyer {
  /** The limit as it was seen last; null before the first look. */
  seen(): LimitItem | null;
  /** Reads the limit. @throws LIMIT_UNKNOWN, STATE_* */
  look(): Promise<LimitItem>;
  /** Buys a slot for the calls, or finds out when to try again. A table that does not answer is tried again later. @throws LIMIT_UNKNOWN, STATE_* */
  buy(calls: readonly Cost[], debt: Cost): Promise<Bought>;
  /** Tries to take a nearer slot in the place of this one, with the limit as it was seen last; null: it stays. @throws STATE_* */
  move(lease: Lease): Promise<Lease | null>;
  /** Any other write of the limit: whether it was applied, and the limit as it is then, which counts as seen. @throws LIMIT_UNKNOWN, STATE_* */
  write(asked: LimitWrite): Promise<readonly [applied: boolean, item: LimitItem]>;
  /** The provider refused a call: the next purchase tells of it. */
  refused(): void;
  /** Refusals that no purchase has told of. */
  untold(): number;
  readonly figures: BuyerFigures;
}

/** Conditions that fail because others bought meanwhile: so many at once, then after a pause. */
const TRIES = 3;
const SHORTEST_HORIZON_MS = 1_000;
/** What lies beyond the horizon is tried for again by many at once: spread over so long at first. */
const SPREAD_MS = 1_000;
/** Twice loses a slot, and sells none twice. */
const REPEATABLE: WriteOptions = { repeatable: true };

/** The limit as it was seen last, and what is asked of its table. */
function createSight(name: string, state: LimiterDeps['state']) {
  const figures: BuyerFigures = { reads: 0, writes: 0, refusedWrites: 0 };
  let item: LimitItem | null = null;
  let untold = 0;
  const see = (current: StateItem | null): LimitItem => {
    if (current === null) throw limitUnknown(name);
    item = current as unknown as LimitItem;
    return item;
  };
  return {
    figures,
    seen: (): LimitItem | null => item,
    refused: (): void => void (untold += 1),
    untold: (): number => untold,
    /** Where the answer of a purchase is lost they are told again: a figure for people may be too high, but not miss what happened. */
    told: (answers429: number): void => void (untold -= answers429),
    async look(): Promise<LimitItem> {
      figures.reads += 1;
      return see(await state.get(limitKey(name)));
    },
    /** Everything that this process writes of the limit comes by here, and is counted. */
    async write({ change, when }: LimitWrite, options: WriteOptions = {}): Promise<readonly [boolean, LimitItem]> {
      figures.writes += 1;
      const result = await state.write(limitKey(name), change, when, options);
      if (!result.applied) figures.refusedWrites += 1;
      return [result.applied, see(result.applied ? result.item : result.current)];
    },
  };
}

/** Buys slots of one limit. */
export function createBuyer(name: string, deps: LimiterDeps): Buyer {
  const { random, time } = deps;
  const calendar = createQuotaCalendar();
  const pauses = createPauses(random);
  const sight = createSight(name, deps.state);
  let expectsQueue = false;
  /** A write that is refused costs more than a read. */
  let looksFirst = false;

  const momentOf = (nowMs: number): Moment => ({
    nowUs: Math.floor(nowMs * 1_000),
    horizonUs: horizonUs(deps),
    expectsQueue,
  });
  const tryToBuy = async (calls: readonly Cost[], debt: Cost): Promise<Bought> => {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const known = (looksFirst ? null : sight.seen()) ?? (await sight.look());
      looksFirst = false;
      const now = time.now();
      if (now === 'unsure') break;
      const moment = momentOf(now.nowMs);
      const paid = payable(debt, calls[0] ?? {}, known);
      const answers429 = sight.untold();
      const plan = planPurchase(known, { calls, debt: paid, answers429 }, moment, calendar);
      looksFirst = plan.kind !== 'buy';
      if (plan.kind === 'wait') {
        const pauseMs = pauses.next(SPREAD_MS, LONGEST_HORIZON_MS / 4);
        return { kind: 'later', ms: (plan.untilUs - moment.nowUs) / 1_000 + pauseMs };
      }
      if (plan.kind === 'spent')
        return { ...plan, ms: Math.max(0, plan.untilMs - now.nowMs) + random.next() * SPREAD_MS };
      const [isBought, after] = await sight.write(plan, REPEATABLE);
      expectsQueue = (after.t ?? 0) - (isBought ? plan.durationUs : 0) > moment.nowUs;
      if (!isBought) continue;
      sight.told(answers429);
      pauses.reset();
      return { kind: 'lease', lease: leaseOf(plan, after, paid), debt: paid };
    }
    return { kind: 'later', ms: pauses.next(50, 5_000) };
  };

  return {
    ...sight,
    write: (asked) => sight.write(asked),
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
      const [now, known] = [time.now(), sight.seen()];
      const plan = now === 'unsure' || known === null ? null : planMove(known, lease, momentOf(now.nowMs));
      if (plan === null) return null;
      const [isMoved, after] = await sight.write(plan, REPEATABLE);
      return isMoved ? movedLease(lease, plan, after) : null;
    },
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
