/** One limit in a state table that answers late, not at all, wrongly or twice. */
import { applyChange, evaluate } from '../../../src/backends/state-table/operation-tree.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import type {
  StateChange,
  StateCondition,
  StateItem,
  StateTable,
  WriteResult,
} from '../../../src/ports/state-table.ts';
import type { Chance } from '../core/chance.ts';
import type { VirtualTime } from '../core/virtual-time.ts';

export interface TableWeather {
  readonly hopMs: readonly [number, number];
  /** Of the operations: refused before they are applied; applied without an answer; of repeatable writes: applied a second time, later. */
  readonly refused: number;
  readonly lost: number;
  readonly twice: number;
  /** Nothing is answered in these stretches of virtual time. */
  readonly outages: readonly (readonly [fromMs: number, toMs: number])[];
  /** What arrives in these stretches is done when they are over, and answered then: a file server that writes out what it holds. Absent: none. */
  readonly jams?: readonly (readonly [fromMs: number, toMs: number])[];
}

export interface AppliedWrite {
  readonly worker: number;
  readonly atMs: number;
  readonly change: StateChange;
  readonly before: StateItem;
  readonly after: StateItem;
}

export interface LimitTable {
  /** Answers come in the time of the process. */
  portOf(worker: number, isAlive: () => boolean, of: Pick<VirtualTime, 'after'>): Pick<StateTable, 'get' | 'write'>;
  peek(): StateItem;
  /** A person changes the limit. */
  replace(item: StateItem): void;
  /** `reports`: writes that tell of refusals of the provider. */
  readonly counts: { reads: number; writes: number; refused: number; reports: number };
}

/** For proofs that a condition is needed: what is written instead of what was asked for. */
export type Rewrite = (when: StateCondition, change: StateChange) => { when: StateCondition; change: StateChange };

export function createLimitTable(options: {
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly weather: TableWeather;
  readonly item: StateItem;
  readonly onApplied: (write: AppliedWrite) => void;
  readonly rewrite?: Rewrite;
}): LimitTable {
  const { time, chance, weather } = options;
  let item = options.item;
  const counts = { reads: 0, writes: 0, refused: 0, reports: 0 };
  const isOut = (): boolean => weather.outages.some(([from, to]) => time.nowMs() >= from && time.nowMs() < to);
  const hop = (): number => chance.between(...weather.hopMs) / 2;
  const wait = (ms: number): Promise<void> => new Promise((resolve) => void time.after(ms, true, resolve));
  const jamMs = (): number => {
    const jam = weather.jams?.find(([from, to]) => time.nowMs() >= from && time.nowMs() < to);
    return jam === undefined ? 0 : jam[1] - time.nowMs();
  };

  const apply = (worker: number, asked: StateChange, askedWhen: StateCondition): WriteResult => {
    const { change, when } = options.rewrite?.(askedWhen, asked) ?? { change: asked, when: askedWhen };
    counts.writes += 1;
    if (asked.add?.['refusals'] !== undefined) counts.reports += 1;
    if (!evaluate(when, item)) {
      counts.refused += 1;
      return { applied: false, current: item };
    }
    const before = item;
    item = applyChange(item, change);
    options.onApplied({ worker, atMs: time.nowMs(), change, before, after: item });
    return { applied: true, item };
  };

  return {
    peek: () => item,
    replace: (next) => void (item = next),
    counts,
    portOf(worker, isAlive, of) {
      /** What comes back to a process that was killed comes back to nobody. */
      const back = async (): Promise<void> => {
        await new Promise<void>((resolve) => void of.after(hop(), true, resolve));
        if (!isAlive()) await new Promise(() => {});
      };
      const there = async (): Promise<void> => {
        await wait(hop());
        if (jamMs() > 0) await wait(jamMs() + chance.between(0, 50));
        if (!isOut() && !chance.one(weather.refused)) return;
        await back();
        throw new AppError('STATE_UNAVAILABLE', { message: 'simulated: no answer' });
      };
      return {
        async get() {
          await there();
          counts.reads += 1;
          const seen = item;
          await back();
          return seen;
        },
        async write(_key, change, when, { repeatable } = {}) {
          await there();
          let result = apply(worker, change, when);
          if (repeatable === true && chance.one(weather.twice)) {
            const again = (): void => void (result = apply(worker, change, when));
            // Seen by the writer, or long after it gave up.
            if (chance.one(0.5)) again();
            else time.after(chance.between(1, 20_000), false, again);
          }
          const answer = result;
          await back();
          if (!chance.one(weather.lost)) return answer;
          throw new AppError('STATE_UNCERTAIN', { message: 'simulated: no answer to a write' });
        },
      };
    },
  };
}
