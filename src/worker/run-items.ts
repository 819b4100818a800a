/**
 * Streams the items of a task through the handler with bounded concurrency. Each item ends as exactly one outcome, unless the work is stopped
 * first, or the item is left for a later attempt: then it is simply not recorded. Never touches state or store.
 */
import type { ItemOutcome } from '../domain/outcome.ts';
import type { FailureFacts } from '../domain/retry-rules.ts';
import type { TaskBatch, TaskItemInput } from '../domain/task-batch.ts';
import type { Clock } from '../ports/clock.ts';
import type { HandlerContext, HandlerResult, LoadedHandler } from '../ports/handler-host.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import { deferralOf, type Deferral } from './deferral.ts';
import { badInput, contextOf, failureOf, logFailure, outcomeOf } from './item-outcome.ts';
import { NO_LIMITS, type ItemLimits } from './item-limits.ts';
import { NO_POOLS, type ItemPools } from './item-pools.ts';
import { judgeTry, type TryPolicy } from './judge-try.ts';
import type { BackoffMs } from './needs.ts';
import type { OutputNormaliser } from './normalise-output.ts';
import { laterOf, type QuotaSpent } from './quota-spent.ts';
import { createRetryWaits } from './retry-waits.ts';
import { createTryEntries, type TryEntries } from './try-entry.ts';
import { createTrySlots, type Means, type TrySlots } from './try-slots.ts';
import { createTryWatch, NO_WATCH, type TryWatch, type WatchedTry } from './try-watch.ts';
import { createTurnWaits, type TurnWaits } from './turn-waits.ts';
import { createWorkQueue, type Waiting, type Work, type WorkQueue } from './work-queue.ts';

export interface RunItemsOptions {
  readonly batch: TaskBatch;
  /** Items that are not to be run. */
  readonly isFinished: (item: number) => boolean;
  readonly handler: LoadedHandler;
  /** What the contexts of all items of the task share. */
  readonly shared: Pick<HandlerContext, 'job' | 'task' | 'scratch'>;
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly policy: TryPolicy;
  /**
   * Failed tries by item, of items without an outcome: those of earlier attempts at first, then kept up to date. A checkpoint takes them along.
   */
  readonly tries: Map<number, number>;
  readonly normaliser: OutputNormaliser;
  readonly log: Log;
  /** May throw (SCRATCH_FULL): the run then ends with that error. */
  readonly onOutcome: (outcome: ItemOutcome) => void;
  /** Told how long a try has waited for its turns at limits; not for what waited for slots as well. */
  readonly onWaited?: (ms: number) => void;
  /** Absent: the job lists no limits. */
  readonly limits?: ItemLimits;
  /** Absent: the job lists no pools. */
  readonly pools?: ItemPools;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoffMs: BackoffMs;
}

export interface RunningItems {
  /** True when every item has its outcome. */
  readonly ended: Promise<boolean>;
  /** After `ended`: why items were left for a later attempt; null when none was, or the work was stopped. */
  deferred(): Deferral | null;
  /** After `ended`: the quota for which the work was stopped, if it was. */
  spent(): QuotaSpent | null;
  /** True while every try in flight does nothing but wait for slots of pools or turns at limits. */
  onlyWaits(): boolean;
  /** Starts nothing more; what is in flight may end. */
  stopTaking(): void;
  /** Aborts what is in flight. */
  abort(reason: string): void;
}

export function runItems(options: RunItemsOptions): RunningItems {
  const { batch, clock } = options;
  const queue = createWorkQueue(batch.items, options.isFinished);
  const slots = createTrySlots(clock, options.timeoutMs);
  const breathe = createBreather(clock);
  const stop = new AbortController();
  const turns = createTurnWaits(stop.signal);
  const entries = createTryEntries(clock);
  const watch = options.limits === undefined && options.pools === undefined ? NO_WATCH : createTryWatch(clock);
  const waits = createRetryWaits(clock, options.policy.escalations === null ? null : () => queue.nextDueMs());
  const accounts = createAccounts(options, queue);
  let failure: { readonly error: unknown } | null = null;
  let spent: QuotaSpent | null = null;

  const lane = async (number: number): Promise<void> => {
    while (!stop.signal.aborted) {
      const breath = breathe();
      if (breath !== null) {
        await breath;
        continue;
      }
      const nowMs = clock.monotonicMs();
      const work = queue.take(nowMs);
      if (work === null) return;
      if (isWaiting(work) && work.dueMs > nowMs && !(await waits.over(work))) return;
      const next = { lane: number, item: batch.item(work.item), tries: accounts.triesOf(work.item) + 1 };
      const ended = await runOne(options, { slots, turns, entries, watch }, next);
      if (ended === 'dropped') return;
      if ('spent' in ended) {
        spent = laterOf(spent, ended.spent);
        return halt();
      }
      accounts.settle(work.item, ended);
    }
  };
  const halt = (): void => {
    stop.abort(STOPPED);
    waits.end();
  };
  const fail = (error: unknown): void => {
    failure ??= { error };
    halt();
    slots.abortAll('the task failed');
  };
  const run = async (): Promise<boolean> => {
    await inLanes(Math.min(options.concurrency, Math.max(accounts.left(), 1)), { waits, lane, fail });
    slots.close();
    if (failure !== null) throw failure.error;
    return accounts.left() === 0;
  };
  return {
    ended: run(),
    deferred: () => (stop.signal.aborted ? null : accounts.deferral(waits.given())),
    spent: () => spent,
    onlyWaits: () => watch.onlyWaits(),
    stopTaking: halt,
    abort: (reason) => slots.abortAll(reason),
  };
}

async function inLanes(
  lanes: number,
  {
    waits,
    lane,
    fail,
  }: {
    readonly waits: ReturnType<typeof createRetryWaits>;
    readonly lane: (number: number) => Promise<void>;
    readonly fail: (error: unknown) => void;
  },
): Promise<void> {
  waits.begin(lanes);
  const guarded = (number: number): Promise<void> =>
    lane(number)
      .catch(fail)
      .finally(() => waits.leave());
  await Promise.all(Array.from({ length: lanes }, (_, number) => guarded(number)));
}

const STOPPED = new Error('stopped');
const isWaiting = (work: Work): work is Waiting => work.failure !== undefined;

/** What became of the items so far, and what is still to be done. */
function createAccounts({ batch, isFinished, onOutcome, ...options }: RunItemsOptions, queue: WorkQueue) {
  const { clock, tries, policy } = options;
  /** Items that need more of what ran out. */
  const escalated: Waiting[] = [];
  /** Failed tries of this attempt that were no fault of their item, by item. */
  const free = new Map<number, number>();
  let left = 0;
  for (let item = 0; item < batch.items; item += 1) if (!isFinished(item)) left += 1;
  return {
    left: () => left,
    triesOf: (item: number) => tries.get(item) ?? 0,
    settle(item: number, { outcome, failure }: EndedTry): void {
      const spared = free.get(item) ?? 0;
      const verdict = failure === null ? null : judgeTry(policy, failure, { counted: outcome.attempts, free: spared });
      if (failure === null || verdict === null || verdict.next === 'end') {
        onOutcome(outcome);
        tries.delete(item);
        left -= 1;
        return;
      }
      const isFree = verdict.next === 'retry' && verdict.isFree === true;
      if (isFree) free.set(item, spared + 1);
      else tries.set(item, outcome.attempts);
      const again = { item, failure, rule: verdict.rule, dueMs: clock.monotonicMs() };
      if (verdict.next === 'defer') return void escalated.push(again);
      const failures = outcome.attempts + spared;
      const pauseMs = options.backoffMs(failures, verdict.backoff, options.random.next());
      queue.retry({ ...again, dueMs: again.dueMs + pauseMs });
    },
    /** @param given work whose wait was given up */
    deferral(given: readonly Waiting[]): Deferral | null {
      if (left === 0) return null;
      const toEpochMs = (atMs: number): number => atMs - clock.monotonicMs() + clock.nowMs();
      return deferralOf(escalated, [...given, ...queue.waiting()], toEpochMs);
    },
  };
}

/** Handlers that never wait for I/O would keep timers and signals from ever running, so the lanes pause together this often. */
const BREATHE_EVERY_MS = 50;

/** What every lane has to await before its next item; null: nothing. */
function createBreather(clock: Clock): () => Promise<void> | null {
  let breath: Promise<void> | null = null;
  let lastMs = clock.monotonicMs();
  const take = async (): Promise<void> => {
    await clock.sleep(0);
    breath = null;
    lastMs = clock.monotonicMs();
  };
  return () => {
    if (breath === null && clock.monotonicMs() - lastMs > BREATHE_EVERY_MS) breath = take();
    return breath;
  };
}

/** Where tries begin and end. */
interface Gates {
  readonly slots: TrySlots;
  readonly turns: TurnWaits;
  readonly entries: TryEntries;
  readonly watch: TryWatch;
}

interface NextTry {
  readonly lane: number;
  readonly item: TaskItemInput;
  readonly tries: number;
}

interface EndedTry {
  readonly outcome: ItemOutcome;
  /** Null: it succeeded, or no rule has a say in it. */
  readonly failure: FailureFacts | null;
}

type TryEnd = EndedTry | { readonly spent: QuotaSpent } | 'dropped';

async function runOne(options: RunItemsOptions, gates: Gates, next: NextTry): Promise<TryEnd> {
  const watched = gates.watch.begin();
  try {
    return await runWatched(options, { ...gates, watched }, next);
  } finally {
    watched.end();
  }
}

async function runWatched(
  options: RunItemsOptions,
  { slots, turns, entries, watched }: Gates & { readonly watched: WatchedTry },
  { lane, item, tries }: NextTry,
): Promise<TryEnd> {
  if (item.problem !== undefined) return { outcome: badInput(item, item.problem), failure: null };
  const { clock, handler, shared, log, normaliser } = options;
  const limits = (options.limits ?? NO_LIMITS).begin(item);
  const pools = (options.pools ?? NO_POOLS).begin();
  const askedMs = clock.monotonicMs();
  const entering = turns.over(entries.of(pools, limits));
  const refused = entering === null ? null : await entering;
  if (refused === 'dropped') return refused;
  watched.runs();
  const startedMs = clock.monotonicMs();
  if (entering !== null && !pools.takesSlots) options.onWaited?.(startedMs - askedMs);
  const trying = (signal: () => AbortSignal, { fail, pause }: Means): Promise<HandlerResult> => {
    const over = <T>(wait: Promise<T>): Promise<T> => watched.over(wait).finally(pause());
    const context = contextOf(item, { shared, log, tries, signal, limits, pools, over });
    return pools.during(() => handler.run(item.payload, context, item.json), fail);
  };
  const ended = refused ?? pools.leave(await slots.run(lane, trying));
  if (ended === 'dropped') return ended;
  const spent = limits.spent();
  if (!ended.ok && spent !== null) return { spent };
  const result = refused ?? limits.leave(ended);
  const outcome = outcomeOf(item, { result, tries, durationMs: clock.monotonicMs() - startedMs, normaliser });
  if (outcome.status === 'failed') logFailure(log, outcome, result);
  return { outcome, failure: failureOf(outcome, result) };
}
