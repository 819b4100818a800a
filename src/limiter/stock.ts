import { formatAmount, QUOTA_WORDS } from '../domain/limit-rate.ts';
import type { Cost, LimitItem } from '../domain/limit.ts';
import { AppError } from '../errors/app-error.ts';
import type { Bought, Buyer } from './buyer.ts';
import { createDemand, type Demand } from './lease-size.ts';
import { createMeanCost } from './mean-cost.ts';
import type { LimiterDeps } from './needs.ts';
import { priceUs } from './price.ts';
import type { Purse } from './purse.ts';
import { graceMs } from '../domain/limit-bounds.ts';

/** Keeps the purse of a line filled: one purchase at a time, as large as the process can use. */
export interface Stock {
  readonly demand: Demand;
  /** A call of this cost asks for its turn. */
  noteCost(cost: Cost): void;
  /** Begins to buy for these calls and for others that are expected, unless it is being done or it is too early. Returns when to ask again. */
  fill(item: LimitItem, uncovered: readonly Cost[]): { readonly againInMs: number | null };
  /** Epoch ms at which the next try is due; null when none is put off. */
  expectedMs(): number | null;
  /** Resolves when no purchase is under way. */
  settled(): Promise<void>;
}

export interface StockOptions {
  readonly name: string;
  readonly buyer: Buyer;
  readonly purse: Purse;
  /** Something changed: look again. */
  readonly onChange: () => void;
  /** The first call can have no turn while the process waits for it; or, with `all`, no call can. */
  readonly onFailure: (error: unknown, of: 'first' | 'all') => void;
}

export function createStock(deps: LimiterDeps, options: StockOptions): Stock {
  const { clock } = deps;
  const { name, buyer, purse } = options;
  const demand = createDemand(clock);
  const typical = createMeanCost();
  let buying: Promise<void> | null = null;
  let againMonoMs = 0;
  const isTooLate = ({ untilMs, ms }: Extract<Bought, { kind: 'spent' }>): boolean =>
    untilMs >= (deps.endsAtMs ?? Number.POSITIVE_INFINITY) || ms > (deps.quotaPatienceMs ?? Number.POSITIVE_INFINITY);

  const wanted = (item: LimitItem, uncovered: readonly Cost[]): Cost[] => {
    const mean = typical.mean();
    const perSecond = 1e6 / Math.max(1, priceUs(mean, item));
    const calls = demand.leaseCalls(uncovered.length, perSecond, graceMs(item.definition));
    const ahead = Math.max(0, calls - uncovered.length);
    return [...uncovered.slice(0, calls), ...Array.from({ length: ahead }, () => mean)];
  };
  const note = (bought: Bought, sentMs: number): void => {
    if (bought.kind === 'lease') {
      const tookMs = clock.monotonicMs() - sentMs;
      const now = deps.time.now();
      if (now !== 'unsure') demand.answered(tookMs, bought.lease.startUs / 1_000, now.errorMs);
      purse.add(bought.lease, bought.debt);
      return;
    }
    againMonoMs = clock.monotonicMs() + bought.ms;
    if (bought.kind === 'spent' && isTooLate(bought)) {
      options.onFailure(spentError(name, bought, buyer.seen()?.setMs ?? 0), 'first');
      // The next call may cost less of what is used up.
      againMonoMs = 0;
    }
  };
  const buy = async (calls: readonly Cost[]): Promise<void> => {
    const sentMs = clock.monotonicMs();
    try {
      note(await buyer.buy(calls, purse.debt()), sentMs);
    } catch (error) {
      options.onFailure(error, 'all');
    } finally {
      buying = null;
      options.onChange();
    }
  };
  return {
    demand,
    noteCost: (cost) => typical.note(cost),
    fill(item, uncovered) {
      if (uncovered.length === 0 || buying !== null) return { againInMs: null };
      const againInMs = againMonoMs - clock.monotonicMs();
      if (againInMs > 0) return { againInMs };
      buying = buy(wanted(item, uncovered));
      return { againInMs: null };
    },
    expectedMs() {
      const inMs = againMonoMs - clock.monotonicMs();
      return inMs > 0 ? clock.nowMs() + inMs : null;
    },
    settled: async () => void (await buying),
  };
}

const spentError = (
  name: string,
  { quota: { every, amount, unit }, untilMs }: Extract<Bought, { kind: 'spent' }>,
  setMs: number,
): AppError =>
  new AppError('LIMIT_SPENT', {
    message: `limit ${name}: ${QUOTA_WORDS[every]} ${formatAmount(amount)} ${unit} used up; goes on at ${new Date(untilMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    hint: `Go on when the next window has begun; see what is left of it with: slurmctl limit show ${name}`,
    details: { limit: name, untilMs, setMs },
  });
