/** The rate limits of a job, as each try at an item meets them. */
import type { Cost, JobLimit } from '../domain/limit.ts';
import type { TaskItemInput } from '../domain/task-batch.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { Clock } from '../ports/clock.ts';
import type { HandlerResult, LimitCalls, LimitTurn } from '../ports/handler-host.ts';
import type { Limiter } from '../ports/limiter.ts';
import { itemCost } from './item-cost.ts';
import { laterOf, quotaSpentOf, type QuotaSpent } from './quota-spent.ts';
import { retryAfterMs } from './retry-after.ts';
import { createTurnTaker, giveUp, type Call, type TurnTaker } from './turn-taker.ts';

export type FailedTry = Extract<HandlerResult, { readonly ok: false }>;

export interface ItemLimits {
  begin(item: TaskItemInput): TryLimits;
}

/** One try. */
export interface TryLimits {
  /** False: there is nothing to take before the try begins. */
  readonly takesTurns: boolean;
  /**
   * Takes what the try costs of every limit whose turns the worker takes, one after the other. Resolves to the failure of an item that cannot have its
   * turn, or to null.
   * @throws what `take` throws that is not about this item; the reason of `signal`
   */
  enter(signal: AbortSignal): Promise<FailedTry | null>;
  /** The handler is not called after all: its turns may be used by others of this process. */
  forgo(): void;
  /** What the handler may call; `signal` is that of the try. */
  calls(signal: () => AbortSignal): LimitCalls;
  /** A quota that is used up for longer than a worker waits, if the try met one: when it fails, that is no failure of the item. */
  spent(): QuotaSpent | null;
  /** The result as it counts, given what the try met at limits; tells the limiter of a refusal. */
  leave(result: HandlerResult): HandlerResult;
}

interface Needs {
  readonly limits: readonly JobLimit[];
  readonly limiter: Limiter;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly taker: TurnTaker;
}

/** @param needs.limits those the job lists. @param needs.limiter absent: only for jobs that list none */
export function createItemLimits(
  needs: Pick<Needs, 'limits' | 'clock'> & { readonly limiter: Limiter | undefined },
): ItemLimits {
  const { limits, limiter, clock } = needs;
  if (limits.length === 0) return NO_LIMITS;
  if (limiter === undefined) throw new Error('a job that names limits runs without a limiter');
  const taker = createTurnTaker(limiter, clock);
  return { begin: (item) => createTryLimits({ limits, limiter, clock, taker }, item) };
}

const notListed = (name: unknown, limits: readonly JobLimit[]): AppError => {
  const listed = limits.length === 0 ? 'no limits' : limits.map((limit) => limit.name).join(', ');
  return new AppError('LIMIT_UNKNOWN', {
    message: `the handler names the limit ${JSON.stringify(name) ?? String(name)}; the job lists ${listed}`,
    hint: `Add it to limits in the job file: limits: [{name: ${String(name)}}]`,
  });
};

const refuse = (name: unknown): never => {
  throw notListed(name, []);
};
const NO_CALLS: LimitCalls = {
  limit: (name) => Promise.reject(notListed(name, [])),
  settle: (call) => refuse(call),
  tooManyRequests: (name) => refuse(name),
};
const NO_TRY: TryLimits = {
  takesTurns: false,
  enter: () => Promise.resolve(null),
  forgo() {},
  calls: () => NO_CALLS,
  spent: () => null,
  leave: (result) => result,
};

/** For jobs that list no limits. */
export const NO_LIMITS: ItemLimits = { begin: () => NO_TRY };

/** What a try knows of itself. */
interface TryState {
  /** The last call of each limit. */
  readonly last: Map<string, Call>;
  /** Limits whose refusal the handler told. */
  readonly refused: Set<string>;
  /** What the handler was told instead of a turn, where that decides about the item. */
  met: FailedTry | null;
  spent: QuotaSpent | null;
}

function createTryLimits(needs: Needs, item: TaskItemInput): TryLimits {
  const taken = needs.limits.filter(({ per }) => per === 'item');
  const state: TryState = { last: new Map(), refused: new Set(), met: null, spent: null };
  const forgo = (): void => {
    for (const call of state.last.values()) giveUp(call);
    state.last.clear();
  };
  return {
    takesTurns: taken.length > 0,
    enter: (signal) => enter(needs, { item, taken, state, signal, forgo }),
    forgo,
    calls: (signal) => createCalls(needs, { item, state, signal }),
    spent: () => state.spent,
    leave(result) {
      if (result.ok) return result;
      const { met } = state;
      if (met !== null && result.errorMessage.includes(met.errorMessage)) return { ...result, ...met };
      if (result.cause === 'rate-limited')
        for (const { name } of taken) if (!state.refused.has(name)) needs.limiter.tooManyRequests(name, null);
      return result;
    },
  };
}

interface Entering {
  readonly item: TaskItemInput;
  readonly taken: readonly JobLimit[];
  readonly state: TryState;
  readonly signal: AbortSignal;
  readonly forgo: () => void;
}

async function enter({ taker }: Needs, entering: Entering): Promise<FailedTry | null> {
  const { item, taken, state, signal, forgo } = entering;
  const costs: [string, Cost][] = [];
  for (const limit of taken) {
    const cost = itemCost(limit, item.payload);
    if ('problem' in cost) return badInput(cost.problem as string);
    costs.push([limit.name, cost]);
  }
  try {
    await taker.take(costs, state.last, signal);
    return null;
  } catch (error) {
    forgo();
    const failure = ofTheItem(error, state);
    if (failure === null) throw error;
    return failure;
  }
}

const badInput = (errorMessage: string): FailedTry => ({
  ok: false,
  cause: 'bad-input',
  errorClass: 'bad-input',
  errorMessage,
});

/** A cost that the limit never sells is the item's own fault. A quota that is used up is nobody's, which is noted beside it. */
function ofTheItem(error: unknown, state: TryState): FailedTry | null {
  state.spent = laterOf(state.spent, quotaSpentOf(error));
  if (isAppError(error, 'LIMIT_COST')) return badInput(error.message);
  if (isAppError(error, 'LIMIT_SPENT'))
    return { ok: false, cause: 'quota-spent', errorClass: error.code, errorMessage: error.message };
  return null;
}

function createCalls(
  { limits, limiter, clock }: Needs,
  { item, state, signal }: Pick<Entering, 'item' | 'state'> & { readonly signal: () => AbortSignal },
): LimitCalls {
  const listed = (name: string): JobLimit => {
    const limit = limits.find((each) => each.name === name);
    if (limit === undefined) throw notListed(name, limits);
    return limit;
  };
  const costSaid = (limit: JobLimit): Cost => {
    const cost = itemCost(limit, item.payload);
    if (!('problem' in cost)) return cost;
    const message = cost.problem as string;
    state.met = badInput(message);
    throw new AppError('LIMIT_COST', { message });
  };
  const settle = ({ grant }: Call, actual: Cost | number): void => grant.settle(inUnits(actual));
  return {
    async limit(name, cost) {
      const limit = listed(name);
      const said = cost === undefined ? costSaid(limit) : inUnits(cost);
      try {
        const call = { grant: await limiter.take(name, said, signal()), said };
        state.last.set(name, call);
        return { settle: (actual): void => settle(call, actual) } satisfies LimitTurn;
      } catch (error) {
        // A cost that the handler names itself is no fault of the item.
        if (cost === undefined || !isAppError(error, 'LIMIT_COST')) state.met = ofTheItem(error, state) ?? state.met;
        throw error;
      }
    },
    settle(call, actual) {
      if (typeof call !== 'string') return call.settle(actual);
      const last = state.last.get(listed(call).name);
      if (last === undefined) throw new Error(`limit ${call}: this try has taken no call that could be settled`);
      settle(last, actual);
    },
    tooManyRequests(name, retryAfter) {
      listed(name);
      const waitMs = retryAfterMs(retryAfter, clock.nowMs());
      if (waitMs === 'other') return false;
      state.refused.add(name);
      limiter.tooManyRequests(name, waitMs);
      return true;
    },
  };
}

const inUnits = (cost: Cost | number): Cost => (typeof cost === 'number' ? { requests: cost } : cost);
