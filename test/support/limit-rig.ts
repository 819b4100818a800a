import { applyChange, evaluate } from '../../src/backends/state-table/operation-tree.ts';
import type { LimitDefinition, LimitItem } from '../../src/domain/limit.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createLimiter, type MeasuredLimiter } from '../../src/limiter/limiter.ts';
import type { Log } from '../../src/ports/log.ts';
import type { SharedTime } from '../../src/ports/shared-time.ts';
import type { StateItem, StateTable, WriteOptions } from '../../src/ports/state-table.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createSeededRandom } from './seeded-random.ts';

export const perMinute = (amount: number, rest: Partial<LimitDefinition> = {}): LimitDefinition => ({
  rates: { requests: { amount, perMs: 60_000 } },
  quotas: [],
  burstMs: 0,
  mode: 'statistical',
  ...rest,
});

/** 60,000 a minute after the allowance of the statistical mode: one millisecond a request. */
export const ONE_A_MS: LimitDefinition = perMinute(60_606, {});

export const limitItem = (definition: LimitDefinition, rest: Partial<LimitItem> = {}): LimitItem => ({
  definition,
  source: 'a test',
  setMs: 0,
  g: 1,
  m: 1_000_000,
  refusals: 0,
  sinceMs: 0,
  sold: {},
  windows: {},
  ...rest,
});

export const asState = (item: LimitItem): StateItem => item as unknown as StateItem;

/** A table that holds one limit, counts what is asked of it, and fails when told to. */
export interface LimitRig {
  readonly clock: ManualClock;
  readonly state: Pick<StateTable, 'get' | 'write'>;
  item: LimitItem | null;
  /** Thrown by every operation while it is set. */
  failure: AppError | null;
  /** The next write is applied, and its answer lost. */
  losesNextAnswer: boolean;
  unsure: boolean;
  readonly counts: { reads: number; writes: number; refused: number; sharpened: number };
  readonly options: (WriteOptions | undefined)[];
  limiter(seed?: number, endsAtMs?: number | null): MeasuredLimiter;
}

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

export function createLimitRig(definition: LimitDefinition | null, startMs?: number): LimitRig {
  const clock = createManualClock(startMs);
  const counts = { reads: 0, writes: 0, refused: 0, sharpened: 0 };
  const time: SharedTime = {
    now: () => (rig.unsure ? 'unsure' : { nowMs: clock.nowMs(), errorMs: 100 }),
    async sharpen() {
      if (!rig.unsure) return;
      await clock.sleep(1_000);
      counts.sharpened += 1;
      rig.unsure = false;
    },
  };
  const rig: LimitRig = {
    clock,
    item: definition === null ? null : limitItem(definition),
    failure: null,
    losesNextAnswer: false,
    unsure: false,
    counts,
    options: [],
    state: {
      async get() {
        counts.reads += 1;
        if (rig.failure !== null) throw rig.failure;
        return rig.item === null ? null : asState(rig.item);
      },
      async write(_key, change, when, options) {
        counts.writes += 1;
        rig.options.push(options);
        if (rig.failure !== null) throw rig.failure;
        const before = rig.item === null ? null : asState(rig.item);
        if (!evaluate(when, before)) {
          counts.refused += 1;
          return { applied: false, current: before };
        }
        const item = applyChange(before, change);
        rig.item = item as unknown as LimitItem;
        if (!rig.losesNextAnswer) return { applied: true, item };
        rig.losesNextAnswer = false;
        throw new AppError('STATE_UNCERTAIN', { message: 'no answer' });
      },
    },
    limiter: (seed = 1, endsAtMs = null) =>
      createLimiter({ state: rig.state, time, clock, random: createSeededRandom(seed), log: quiet, endsAtMs }),
  };
  return rig;
}
