/** The calls of a process that wait for one limit, and the one loop that gives them their turns. */
import type { Cost, LimitItem } from '../domain/limit.ts';
import { isAppError } from '../errors/app-error.ts';
import type { LimitGrant, LimitHolding, LimitWait } from '../ports/limiter.ts';
import { createBuyer, type BuyerFigures } from './buyer.ts';
import { handBack } from './hand-back.ts';
import type { Turn } from './lease.ts';
import type { LimiterDeps } from './needs.ts';
import { createMover, type Mover } from './mover.ts';
import { createPauses } from './pauses.ts';
import { checkedCost, countedCost } from './price.ts';
import { createPurse, type Purse } from './purse.ts';
import { createRefusals, type Refusals } from './refusals.ts';
import { createSleeper, type Sleeper } from './sleeper.ts';
import { createStock, type Stock } from './stock.ts';
import { createWaitQueue, type WaitQueue } from './wait-queue.ts';

export interface LineFigures extends BuyerFigures {
  readonly granted: number;
  /** Requests that were bought and not given back; what was not granted of them is lost. */
  readonly bought: number;
  /** Leases whose time was over before they were spent. */
  readonly expiredLeases: number;
}

export interface Line {
  take(cost: Cost, signal?: AbortSignal): Promise<LimitGrant>;
  tooManyRequests(retryAfterMs: number | null): void;
  waiting(): LimitWait | null;
  holding(): LimitHolding;
  close(): Promise<void>;
  figures(): LineFigures;
}

/** What the loop of a line works with. */
interface Parts {
  readonly name: string;
  readonly deps: LimiterDeps;
  readonly sleeper: Sleeper;
  readonly queue: WaitQueue<Cost, LimitGrant>;
  readonly buyer: ReturnType<typeof createBuyer>;
  readonly purse: Purse;
  readonly stock: Stock;
  readonly refusals: Refusals;
  readonly mover: Mover;
  /** Makes the limit and the shared time known. */
  readonly learn: () => Promise<void>;
  /** Generation under which the last call was sold. */
  lastG: number;
  granted: number;
  /** Requests that went back to the site at the end. */
  givenBack: number;
  /** Epoch ms of the first call's turn, as far as it is known. */
  firstTurnMs: number | null;
  isServing: boolean;
  isClosed: boolean;
}

export function createLine(name: string, deps: LimiterDeps): Line {
  const parts = createParts(name, deps);
  const { buyer, queue, purse, stock, refusals, sleeper } = parts;
  return {
    async take(asked, signal) {
      signal?.throwIfAborted();
      if (parts.isClosed) throw new Error(`limit ${name}: a call asked for its turn after the limiter was closed`);
      const item = buyer.seen();
      const cost = item === null ? asked : checkedCost(name, asked, item.definition);
      stock.demand.asked();
      if (item !== null) stock.noteCost(cost);
      const turn = queue.wait(cost, signal);
      sleeper.wake();
      void serve(parts);
      return turn;
    },
    tooManyRequests(retryAfterMs) {
      const now = deps.time.now();
      // What begins later may still be good: others have slowed down until then.
      purse.dropBegun(now === 'unsure' ? Number.POSITIVE_INFINITY : now.nowMs * 1_000);
      buyer.refused();
      refusals.note(parts.lastG, retryAfterMs);
      sleeper.wake();
    },
    waiting() {
      if (queue.length() === 0) return null;
      return { name, calls: queue.length(), untilMs: stock.expectedMs() ?? parts.firstTurnMs };
    },
    holding() {
      const now = deps.time.now();
      return { name, had: parts.granted, held: now === 'unsure' ? null : purse.held(now.nowMs * 1_000) };
    },
    async close() {
      if (parts.isClosed) return;
      parts.isClosed = true;
      queue.rejectAll(new Error(`limit ${name}: the limiter was closed while calls waited`));
      sleeper.wake();
      await Promise.all([stock.settled(), refusals.settled(), parts.mover.settled()]);
      parts.givenBack = await handBack(name, deps, buyer, { leases: purse.leases(), debt: purse.debt() });
    },
    figures: () => ({
      ...buyer.figures,
      granted: parts.granted,
      bought: purse.bought() - parts.givenBack,
      expiredLeases: purse.expired(),
    }),
  };
}

function createParts(name: string, deps: LimiterDeps): Parts {
  const sleeper = createSleeper(deps.clock);
  const queue = createWaitQueue<Cost, LimitGrant>(() => sleeper.wake());
  const buyer = createBuyer(name, deps);
  const purse = createPurse();
  const stock = createStock(deps, {
    name,
    buyer,
    purse,
    onChange: () => sleeper.wake(),
    onFailure: (error, of) => (of === 'all' ? queue.rejectAll(error) : queue.rejectFirst(error)),
  });
  const pauses = createPauses(deps.random);
  const learn = async (): Promise<void> => {
    try {
      if (buyer.seen() === null) {
        const { definition } = await buyer.look();
        queue.recount((cost) => checkedCost(name, cost, definition));
        for (const cost of queue.wanted()) stock.noteCost(cost);
      }
      await deps.time.sharpen();
      pauses.reset();
    } catch (error) {
      if (!isAppError(error) || !error.retryable) throw error;
      deps.log.debug('the table of a limit did not answer', { limit: name, error: error.message });
      await sleeper.sleep(pauses.next(500, 30_000));
    }
  };
  const refusals = createRefusals(name, deps, buyer);
  const mover = createMover(name, deps, { buyer, purse, onChange: () => sleeper.wake() });
  const counts = { lastG: -1, granted: 0, givenBack: 0, firstTurnMs: null, isServing: false, isClosed: false };
  return { name, deps, sleeper, queue, buyer, purse, stock, refusals, mover, learn, ...counts };
}

async function serve(parts: Parts): Promise<void> {
  if (parts.isServing) return;
  parts.isServing = true;
  try {
    while (parts.queue.length() > 0 && !parts.isClosed) await step(parts);
  } catch (error) {
    parts.queue.rejectAll(error);
  } finally {
    parts.isServing = false;
  }
}

/** Gives the first call its turn, or sleeps until there is something to do. */
async function step(parts: Parts): Promise<void> {
  const { deps, purse, queue, stock, sleeper } = parts;
  const stillMs = parts.refusals.stillMs();
  if (stillMs > 0) {
    parts.firstTurnMs = deps.clock.nowMs() + stillMs;
    return sleeper.sleep(stillMs);
  }
  const item = parts.buyer.seen();
  const now = deps.time.now();
  if (item === null || now === 'unsure') return parts.learn();
  const nowUs = Math.floor(now.nowMs * 1_000);
  const turn = purse.turn(queue.first() as Cost, nowUs);
  if (turn !== null && turn.atUs <= nowUs) return grantFirst(parts, item, turn);
  const { againInMs } = stock.fill(item, purse.uncovered(queue.wanted(), nowUs));
  const moments = [...(turn === null ? [] : [turn.atUs]), ...purse.moments(nowUs)];
  const wakes = moments.map((us) => (us - nowUs) / 1_000);
  parts.firstTurnMs = wakes.length === 0 ? null : deps.clock.nowMs() + Math.min(...wakes);
  if (againInMs !== null) wakes.push(againInMs);
  const lookInMs = parts.mover.consider(nowUs);
  if (lookInMs !== null) wakes.push(lookInMs);
  return sleeper.sleep(wakes.length === 0 ? null : Math.min(...wakes));
}

function grantFirst(parts: Parts, { definition }: LimitItem, turn: Turn): void {
  const { name, purse, queue, sleeper } = parts;
  const said = queue.first() as Cost;
  purse.spend(turn);
  parts.lastG = turn.charges.at(-1)?.lease.g ?? parts.lastG;
  parts.stock.demand.granted();
  parts.granted += 1;
  let isSettled = false;
  queue.grantFirst({
    settle(actual) {
      if (isSettled) return;
      purse.settle(turn, said, countedCost(name, { ...said, ...actual }, definition));
      isSettled = true;
      sleeper.wake();
    },
  });
}
