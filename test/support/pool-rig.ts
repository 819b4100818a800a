import { applyChange, evaluate } from '../../src/backends/state-table/operation-tree.ts';
import type { PoolItem, PoolPlaceItem, PoolSlotItem } from '../../src/domain/pool.ts';
import { poolKey } from '../../src/domain/pool.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { readPoolView, type PoolView } from '../../src/limiter/pool-view.ts';
import { createPools } from '../../src/limiter/pools.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Pools } from '../../src/ports/limiter.ts';
import type { Log } from '../../src/ports/log.ts';
import type { Random } from '../../src/ports/random.ts';
import type { StateItem, StateTable } from '../../src/ports/state-table.ts';
import { hostileStateTable, type HostileRates } from './hostile.ts';
import { createManualClock, type ManualClock } from './manual-clock.ts';
import { createSeededIds, createSeededRandom } from './seeded-random.ts';

type Table = Pick<StateTable, 'get' | 'query' | 'write'>;

/** A process that uses pools: it can die, or be cut off from the table. */
export interface PoolProcess {
  readonly pools: Pools;
  readonly node: string;
  isDead: boolean;
  isCutOff: boolean;
  /** Writes it asked for, and those that were refused. */
  readonly counts: { looks: number; writes: number; refused: number };
}

export interface PoolRig {
  readonly clock: ManualClock;
  readonly random: Random;
  /** Without faults and without delay. */
  readonly table: Table;
  define(slots: number, leaseMs?: number): Promise<void>;
  start(priority?: number): PoolProcess;
  view(): Promise<PoolView>;
  /** By number: slots that have an owner. */
  heldSlots(): Promise<Map<number, PoolSlotItem>>;
  waiters(): Promise<PoolPlaceItem[]>;
}

export const POOL = 'db';
export const LEASE_MS = 60_000;

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

/** A pool in memory; each operation takes up to `latencyMs` before it is applied and as long until it is answered. */
export function createPoolRig(
  options: { readonly seed?: number; readonly rates?: HostileRates; readonly latencyMs?: number } = {},
): PoolRig {
  const { seed = 1, rates = {}, latencyMs = 0 } = options;
  const clock = createManualClock();
  const random = createSeededRandom(seed);
  const table = memoryTable();
  let started = 0;
  const view = (): Promise<PoolView> => readPoolView(table, POOL);
  return {
    clock,
    random,
    table,
    async define(slots, leaseMs = LEASE_MS) {
      const item: PoolItem = { definition: { slots, leaseMs }, source: 'a test', setMs: 0, g: 1 };
      await table.write(poolKey(POOL), { set: item as unknown as StateItem }, { op: 'or', of: ANY });
    },
    start(priority = 0) {
      started += 1;
      const counts = { looks: 0, writes: 0, refused: 0 };
      const self = { node: `n${started}`, isDead: false, isCutOff: false, counts };
      const far = slowTable(table, { clock, random, latencyMs, self });
      const pools = createPools({
        state: hostileStateTable(far as StateTable, { random, rates }),
        clock: mortalClock(clock, self),
        random,
        ids: createSeededIds(seed * 1_000 + started),
        log: quiet,
        holder: { job: 'job-1', node: self.node },
        priorities: { [POOL]: priority },
      });
      return Object.assign(self, { pools });
    },
    view,
    async heldSlots() {
      return new Map([...(await view()).slots].filter(([, { owner }]) => owner !== undefined));
    },
    async waiters() {
      return [...(await view()).places.values()].filter(({ owner }) => owner !== undefined);
    },
  };
}

const ANY = [{ op: 'item-absent' }, { op: 'item-present' }] as const;

function memoryTable(): Table {
  const items = new Map<string, Map<string, StateItem>>();
  const partitionOf = (partition: string): Map<string, StateItem> => {
    const found = items.get(partition) ?? new Map<string, StateItem>();
    items.set(partition, found);
    return found;
  };
  return {
    get: async ({ partition, sort }) => partitionOf(partition).get(sort) ?? null,
    async *query(partition, prefix = '') {
      for (const [sort, item] of [...partitionOf(partition)].toSorted(([a], [b]) => (a < b ? -1 : 1)))
        if (sort.startsWith(prefix)) yield { sort, item };
    },
    async write({ partition, sort }, change, when) {
      const before = partitionOf(partition).get(sort) ?? null;
      if (!evaluate(when, before)) return { applied: false, current: before };
      const item = applyChange(before, change);
      partitionOf(partition).set(sort, item);
      return { applied: true, item };
    },
  };
}

type Self = Pick<PoolProcess, 'isDead' | 'isCutOff' | 'counts'>;
const NEVER = new Promise<never>(() => {});

function slowTable(
  table: Table,
  { clock, random, latencyMs, self }: { clock: Clock; random: Random; latencyMs: number; self: Self },
): Table {
  const travel = async (): Promise<void> => {
    if (latencyMs > 0) await clock.sleep(Math.ceil(random.next() * latencyMs));
    if (self.isDead) await NEVER;
    if (self.isCutOff) throw new AppError('STATE_UNAVAILABLE', { message: 'cut off' });
  };
  const there = async <T>(run: () => Promise<T>): Promise<T> => {
    await travel();
    const answer = await run();
    if (latencyMs > 0) await clock.sleep(Math.ceil(random.next() * latencyMs));
    return self.isDead ? NEVER : answer;
  };
  return {
    get: (key) => there(() => table.get(key)),
    async *query(partition, prefix) {
      self.counts.looks += 1;
      const rows = await there(async () => {
        const found = [];
        for await (const row of table.query(partition, prefix)) found.push(row);
        return found;
      });
      yield* rows;
    },
    write: (key, change, when) =>
      there(async () => {
        self.counts.writes += 1;
        const result = await table.write(key, change, when);
        if (!result.applied) self.counts.refused += 1;
        return result;
      }),
  };
}

function mortalClock(clock: Clock, self: Self): Clock {
  const alive = (fn: () => void) => () => {
    if (!self.isDead) fn();
  };
  return {
    ...clock,
    after: (ms, fn) => clock.after(ms, alive(fn)),
    every: (ms, fn) => clock.every(ms, alive(fn)),
    async sleep(ms, signal) {
      await clock.sleep(ms, signal);
      if (self.isDead) await NEVER;
    },
  };
}
