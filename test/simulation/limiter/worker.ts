/** One process of the fleet: the limiter as it is, on clocks that are wrong and a machine that may die. */
import { setMaxListeners } from 'node:events';
import type { Cost } from '../../../src/domain/limit.ts';
import { isAppError } from '../../../src/errors/app-error.ts';
import { createLimiter, type MeasuredLimiter } from '../../../src/limiter/limiter.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Log } from '../../../src/ports/log.ts';
import type { SharedTime } from '../../../src/ports/shared-time.ts';
import { sleepOn } from '../../support/timer-sleep.ts';
import type { Chance } from '../core/chance.ts';
import { stalledTime, type ProcessTime } from './stalls.ts';
import type { LimitTable } from './table.ts';

/** 70 seconds before a full hour, so that quotas of the hour roll over in every run. */
export const EPOCH_MS = 1_700_002_800_000 - 70_000;

export interface WorkerHabits {
  /** Calls under way at once, and how long one takes. */
  readonly inFlight: number;
  readonly latencyMs: readonly [number, number];
  /** The shared time is wrong by at most this. */
  readonly errorMs: number;
  /** Its clock steps so often; the shared time is unsure until it has asked again. */
  readonly stepEveryMs: number | null;
  /** Parts per million by which its timers run fast or slow. */
  readonly drift: number;
  /** Each call keeps its process busy for so long, so that nothing else of it goes on. Absent: calls only wait. */
  readonly busyMs?: readonly [number, number];
  /** Until the batch system ends it, as it was told when it began; absent: nothing ends it. */
  readonly lifeMs?: number;
  readonly costOf: (chance: Chance) => { readonly said: Cost; readonly actual: Cost };
}

export interface FleetWorker {
  readonly id: number;
  readonly startedMs: number;
  readonly limiter: MeasuredLimiter;
  isAlive(): boolean;
  granted(): number;
  /** Nothing of it goes on. */
  kill(): void;
  /** Takes nothing more and gives back what it has. */
  drain(): Promise<void>;
}

export interface WorkerOptions {
  readonly id: number;
  /** As its node lets it pass. */
  readonly time: ProcessTime;
  readonly chance: Chance;
  readonly table: LimitTable;
  readonly habits: WorkerHabits;
  /** A call reaches the provider. It says whether it takes it: null, or how long to wait. */
  readonly call: (worker: number, actual: Cost) => { readonly retryAfterMs: number } | null;
}

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

export function createFleetWorker(options: WorkerOptions): FleetWorker {
  const { id, chance, table, habits } = options;
  let busyUntilMs = 0;
  const time = stalledTime(options.time, (atMs) => Math.max(0, busyUntilMs - atMs));
  const startedMs = time.nowMs();
  const drain = new AbortController();
  // Every lane hears of it.
  setMaxListeners(0, drain.signal);
  let isAlive = true;
  let granted = 0;
  const clock = createWrongClock(time, chance, habits.drift, () => isAlive);
  const limiter = createLimiter({
    state: table.portOf(id, () => isAlive, time),
    time: createWrongTime(time, chance, habits, () => isAlive),
    clock,
    random: chance,
    log: quiet,
    endsAtMs: habits.lifeMs === undefined ? null : clock.nowMs() + habits.lifeMs,
  });
  const lane = async (): Promise<void> => {
    while (isAlive && !drain.signal.aborted) {
      const { said, actual } = habits.costOf(chance);
      const grant = await limiter.take('api', said, drain.signal);
      if (!isAlive) return;
      granted += 1;
      const refused = options.call(id, actual);
      if (habits.busyMs !== undefined) busyUntilMs = time.nowMs() + chance.between(...habits.busyMs);
      await clock.sleep(chance.between(...habits.latencyMs));
      if (refused !== null) limiter.tooManyRequests('api', refused.retryAfterMs);
      grant.settle(actual);
    }
  };
  for (let at = 0; at < habits.inFlight; at += 1)
    void lane().catch((error: unknown) => {
      // A process that ends before the next window of a quota has no more to do.
      if (!drain.signal.aborted && !isAppError(error, 'LIMIT_SPENT')) throw error;
    });
  return {
    id,
    startedMs,
    limiter,
    isAlive: () => isAlive,
    granted: () => granted,
    kill: () => void (isAlive = false),
    async drain() {
      drain.abort(new Error('drain'));
      await limiter.close();
      isAlive = false;
    },
  };
}

function createWrongClock(time: ProcessTime, chance: Chance, drift: number, isAlive: () => boolean): Clock {
  const skewMs = chance.between(-3_600_000, 3_600_000);
  const pace = 1 + chance.between(-drift, drift) / 1e6;
  const after = (ms: number, fn: () => void): (() => void) => {
    const timer = time.after(ms / pace, true, () => {
      if (isAlive()) fn();
    });
    return () => timer.cancel();
  };
  return {
    nowMs: () => EPOCH_MS + time.nowMs() + skewMs,
    monotonicMs: () => time.nowMs() * pace,
    sleep: (ms, signal) => sleepOn(after, ms, signal),
    after,
    every: () => () => {},
  };
}

/** Right within its error, which wanders; after a step of the clock unsure until it has asked. */
function createWrongTime(
  time: ProcessTime,
  chance: Chance,
  { errorMs, stepEveryMs }: WorkerHabits,
  isAlive: () => boolean,
): SharedTime {
  let offMs = chance.between(-errorMs, errorMs);
  let isSure = chance.one(0.5);
  let stepsAtMs = stepEveryMs === null ? Number.POSITIVE_INFINITY : time.nowMs() + chance.between(0, 2 * stepEveryMs);
  return {
    now() {
      if (time.nowMs() >= stepsAtMs && stepEveryMs !== null) {
        isSure = false;
        stepsAtMs = time.nowMs() + chance.between(0, 2 * stepEveryMs);
      }
      return isSure ? { nowMs: EPOCH_MS + time.nowMs() + offMs, errorMs } : 'unsure';
    },
    sharpen: () =>
      new Promise((resolve) => {
        if (isSure) return resolve();
        time.after(chance.between(200, 1_500), true, () => {
          if (!isAlive()) return;
          isSure = true;
          offMs = chance.between(-errorMs, errorMs);
          resolve();
        });
      }),
  };
}
