/**
 * All calls of one process that want a slot of one pool. One loop looks at the pool for all of them while any waits: takes a slot when it is the turn of
 * the first, stands in line otherwise. The process has one place in line, for its first call: processes take turns, however many calls each has. A turn is
 * one call, or as many short ones as begin within some seconds: a slot that is free is noticed elsewhere only after a while.
 *
 * Cost: a look is one query. A call that finds a slot open costs one write, one that waits costs two more (to stand in line and to leave it), a holder one
 * more to give the slot back or to hand it on to the next call of its turn; whoever holds or waits writes once in a third of a lease. A write is refused
 * only when somebody else was faster; after the first such refusal a process stands in line, where those who see the same go for different slots. A dead
 * waiter costs whoever notices it one write.
 */
import { AppError, isAppError } from '../errors/app-error.ts';
import type { PoolSlot } from '../ports/limiter.ts';
import { createPauses } from './pauses.ts';
import type { PoolDeps } from './pool-needs.ts';
import { lookPauseMs } from './pool-pauses.ts';
import { createLinePlace } from './pool-place.ts';
import { createSilenceWatch, type LookTime } from './pool-silence.ts';
import { holdSlot } from './pool-slot.ts';
import { freeSlot, renewSlot, takeSlot, type TakenSlot } from './pool-take.ts';
import { standingOf, type OpenSlot, type Standing } from './pool-turn.ts';
import { poolUnknown } from './pool-unknown.ts';
import { readPoolView, type PoolView } from './pool-view.ts';
import { createSleeper } from './sleeper.ts';
import { createWaitQueue } from './wait-queue.ts';

export interface PoolLine {
  acquire(signal?: AbortSignal): Promise<PoolSlot>;
  /** Calls that wait. */
  waiting(): number;
  close(): Promise<void>;
}

/** So long the calls of one process may have a slot one after the other before other processes have their turn; a call that takes longer is the only one. */
const TURN_MS = 5_000;
const FASTER_MS = 100;
const FIRST_FAILURE_MS = 500;
const LONGEST_FAILURE_MS = 10_000;

export function createPoolLine(pool: string, deps: PoolDeps): PoolLine {
  const parts = partsOf(pool, deps);
  const { calls, held, sleeper } = parts;
  return {
    async acquire(signal) {
      signal?.throwIfAborted();
      if (parts.isClosed) throw waitEnded(pool);
      const slot = calls.wait(null, signal);
      parts.serving ??= serve(parts);
      return slot;
    },
    waiting: () => calls.length(),
    async close() {
      parts.isClosed = true;
      calls.rejectAll(waitEnded(pool));
      sleeper.wake();
      await parts.serving;
      await Promise.all([...held].map((slot) => slot.release()));
    },
  };
}

const waitEnded = (pool: string): AppError =>
  new AppError('POOL_WAIT_ENDED', { message: `the process ends; a call of it waited for a slot of pool ${pool}` });

type Parts = ReturnType<typeof partsOf>;

function partsOf(pool: string, deps: PoolDeps) {
  const sleeper = createSleeper(deps.clock);
  return {
    pool,
    deps,
    sleeper,
    calls: createWaitQueue<null, PoolSlot>(() => sleeper.wake()),
    place: createLinePlace(pool, deps),
    watch: createSilenceWatch(),
    failures: createPauses(deps.random),
    held: new Set<PoolSlot>(),
    /** Of the present wait: looks so far, and what the last one showed. */
    progress: { looks: 0, ahead: 0, atMs: 0 },
    /** Somebody was faster: it is time to stand in line. */
    wasBeaten: false,
    serving: null as Promise<void> | null,
    isClosed: false,
  };
}

async function serve(parts: Parts): Promise<void> {
  try {
    for (;;) {
      while (parts.calls.length() > 0) await stepOrFail(parts);
      await parts.place.leave();
      if (parts.calls.length() === 0) return;
    }
  } finally {
    parts.serving = null;
  }
}

async function stepOrFail(parts: Parts): Promise<void> {
  const { calls, deps, failures, pool } = parts;
  try {
    await step(parts);
    failures.reset();
  } catch (error) {
    if (!isAppError(error) || !error.retryable) return calls.rejectAll(error);
    deps.log.debug('the table of a pool did not answer', { pool, error: error.message });
    await sleep(parts, failures.next(FIRST_FAILURE_MS, LONGEST_FAILURE_MS));
  }
}

/** Sleeps while somebody waits. */
const sleep = async ({ calls, sleeper }: Parts, ms: number): Promise<void> => {
  if (calls.length() > 0) await sleeper.sleep(ms);
};

async function step(parts: Parts): Promise<void> {
  const { pool, deps, place, watch } = parts;
  const { view, time } = await look(parts);
  if (view.item === null) throw poolUnknown(pool);
  // Another call of this process may have passed its slot on meanwhile.
  if (parts.calls.length() === 0) return;
  place.recognise(view);
  const silent = watch.judge(view, time);
  const standing = standingOf(view, silent, place.asker());
  const { leaseMs, slots } = view.item.definition;
  const open = parts.wasBeaten && !place.stands() ? undefined : chosen(parts, standing);
  if (open !== undefined) return take(parts, open, leaseMs);
  await place.clear(view, silent);
  if (!place.stands()) {
    await place.join(view, silent, leaseMs);
    parts.wasBeaten = !place.stands();
  }
  const beatInMs = await place.beat();
  const pauseMs = lookPauseMs({ ...progressOf(parts, standing.ahead), slots }, deps.random.next());
  await sleep(parts, Math.min(pauseMs, beatInMs));
}

async function look({ pool, deps }: Parts): Promise<{ readonly view: PoolView; readonly time: LookTime }> {
  const begunMs = deps.clock.monotonicMs();
  const view = await readPoolView(deps.state, pool);
  return { view, time: { begunMs, endedMs: deps.clock.monotonicMs() } };
}

/** Who stands in line has a slot of its own among those that are open; who does not draws one that nobody in line goes for. */
function chosen({ deps, place }: Parts, { open, ahead }: Standing): OpenSlot | undefined {
  if (place.stands() || open.length <= ahead) return open[ahead];
  return open[ahead + Math.floor(deps.random.next() * (open.length - ahead))];
}

async function take(parts: Parts, open: OpenSlot, leaseMs: number): Promise<void> {
  const { pool, deps, place } = parts;
  const taken = await takeSlot(deps, open, { pool, leaseMs });
  if (taken === null) {
    parts.wasBeaten = true;
    return sleep(parts, FASTER_MS * (0.5 + deps.random.next()));
  }
  place.used();
  parts.progress = { looks: 0, ahead: 0, atMs: 0 };
  parts.wasBeaten = false;
  return grant(parts, taken);
}

/** The caller may have given up meanwhile; the next one has the slot then. */
async function grant(parts: Parts, taken: TakenSlot): Promise<void> {
  const { deps, calls, held } = parts;
  if (calls.length() === 0) return freeSlot(deps, taken);
  const slot = holdSlot(deps, taken, { giveBack: () => giveBack(parts, taken), onEnd: () => held.delete(slot) });
  held.add(slot);
  calls.grantFirst(slot);
}

/** While a process has its turn its next call has the slot, without a look: who waits elsewhere notices a slot that is free only after a while. */
async function giveBack(parts: Parts, taken: TakenSlot): Promise<void> {
  const { deps, calls, sleeper, place } = parts;
  if (calls.length() > 0 && deps.clock.monotonicMs() - taken.turnBegunMs < TURN_MS) {
    const renewed = await renewSlot(deps, taken);
    if (renewed !== null) return grant(parts, renewed);
  }
  // Calls that came during a turn of several stand behind those who waited for its end.
  if (taken.begunMs !== taken.turnBegunMs) place.used();
  await freeSlot(deps, taken);
  if (parts.progress.ahead === 0) sleeper.wake();
}

function progressOf(parts: Parts, ahead: number): Omit<Parameters<typeof lookPauseMs>[0], 'slots'> {
  const { looks, ahead: before, atMs } = parts.progress;
  const nowMs = parts.deps.clock.monotonicMs();
  parts.progress = { looks: looks + 1, ahead, atMs: nowMs };
  return { looks, ahead, moved: looks === 0 ? 0 : Math.max(0, before - ahead), elapsedMs: nowMs - atMs };
}
