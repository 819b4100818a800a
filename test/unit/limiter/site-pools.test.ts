import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createFsStateTable } from '../../../src/backends/state-table/fs.ts';
import { DEFAULT_POOL_LEASE_MS, poolSlotKey, type JobPool, type PoolDefinition } from '../../../src/domain/pool.ts';
import type { AppError } from '../../../src/errors/app-error.ts';
import { agreeOnShared, compareShared } from '../../../src/limiter/agree.ts';
import {
  deletePool,
  evictSlot,
  listPools,
  lookAtPool,
  readPool,
  requirePool,
  setPool,
} from '../../../src/limiter/site-pools.ts';
import { createPools } from '../../../src/limiter/pools.ts';
import type { PoolDeps } from '../../../src/limiter/pool-needs.ts';
import type { Log } from '../../../src/ports/log.ts';
import type { StateTable } from '../../../src/ports/state-table.ts';
import { createSkippingClock } from '../../support/coordinator-rig.ts';
import { hostileStateTable } from '../../support/hostile.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { refusal } from '../../support/app-refusal.ts';
import { createSeededIds, createSeededRandom } from '../../support/seeded-random.ts';
import { withTempDir } from '../../support/temp-dir.ts';

const NOW_MS = 1_700_000_000_000;
const said = (source = 'ada'): { source: string; nowMs: number } => ({ source, nowMs: NOW_MS });
const of = (slots: number, leaseMs = DEFAULT_POOL_LEASE_MS): PoolDefinition => ({ slots, leaseMs });
const inJob = (name: string, slots?: number): JobPool => ({
  name,
  ...(slots === undefined ? {} : { definition: of(slots) }),
  priority: 0,
  per: 'call',
  source: 'job.yaml:4:5',
});

const withTable = (work: (state: StateTable) => Promise<void>): Promise<void> =>
  withTempDir((root) =>
    work(createFsStateTable({ root: join(root, 'state'), ids: createSeededIds(1), clock: createSkippingClock() })),
  );

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

const poolsOf = (state: StateTable, more: Partial<PoolDeps> = {}) =>
  createPools({
    state,
    clock: createManualClock(),
    random: createSeededRandom(1),
    ids: createSeededIds(2),
    log: quiet,
    holder: { job: 'job-1', node: 'n1' },
    priorities: { db: 3 },
    ...more,
  });

describe('setting a pool', () => {
  it('creates it, again is no change, and another figure changes it', () =>
    withTable(async (state) => {
      const first = await setPool(state, { name: 'db', definition: of(5) }, said());
      expect(first).toEqual({
        outcome: 'created',
        before: null,
        item: { definition: of(5), source: 'ada', setMs: NOW_MS, g: 1 },
      });
      expect(await setPool(state, { name: 'db', definition: of(5) }, said('bob'))).toMatchObject({ outcome: 'same' });
      expect(await setPool(state, { name: 'db', definition: of(5, 1_000) }, said('bob'))).toMatchObject({
        outcome: 'changed',
        before: { definition: of(5) },
        item: { definition: of(5, 1_000), source: 'bob', g: 2 },
      });
    }));

  it.each([1, 2, 3, 4, 5, 6])('comes to the same end when answers are lost (seed %d)', (seed) =>
    withTable(async (table) => {
      const random = createSeededRandom(seed);
      const state = hostileStateTable(table, { random, rates: { loseAnswer: 0.6, delay: 0.3 } });
      const results = [];
      for (const slots of [5, 6, 6])
        results.push((await setPool(state, { name: 'db', definition: of(slots) }, said())).outcome);
      expect(results).toEqual(['created', 'changed', 'same']);
      expect(await readPool(table, 'db')).toMatchObject({ definition: of(6), g: 2 });
      expect((await listPools(table)).map(({ name }) => name)).toEqual(['db']);
    }),
  );
});

describe('the pools of a site', () => {
  it('are listed by name, and gone when deleted', () =>
    withTable(async (state) => {
      for (const name of ['zeta', 'db', 'mid']) await setPool(state, { name, definition: of(5) }, said());
      await deletePool(state, 'mid');
      expect((await listPools(state)).map(({ name }) => name)).toEqual(['db', 'zeta']);
      for (const asked of [deletePool, requirePool, lookAtPool])
        expect((await refusal(asked(state, 'mid'))).message).toBe('there is no pool "mid" at this site');
      expect((await refusal(evictSlot(state, { name: 'mid', slot: 0 }, said()))).code).toBe('POOL_UNKNOWN');
    }));

  it('show who holds their slots on files, and keep their fences when they are deleted and set again', () =>
    withTable(async (state) => {
      await setPool(state, { name: 'db', definition: of(1) }, said());
      const pools = poolsOf(state);
      const slot = await pools.acquire('db');
      expect([slot.index, slot.fence]).toEqual([0, 1]);
      expect((await lookAtPool(state, 'db')).slots.get(0)).toMatchObject({
        job: 'job-1',
        node: 'n1',
        priority: 3,
        leaseMs: DEFAULT_POOL_LEASE_MS,
      });
      await pools.close();
      await deletePool(state, 'db');
      await setPool(state, { name: 'db', definition: of(1) }, said());
      expect(await poolsOf(state).acquire('db')).toMatchObject({ index: 0, fence: 2 });
    }));

  it.each([1, 2, 3, 4, 5, 6])('have one holder a slot when answers are lost on files (seed %d)', (seed) =>
    withTable(async (table) => {
      await setPool(table, { name: 'db', definition: of(4) }, said());
      const random = createSeededRandom(seed);
      const state = hostileStateTable(table, { random, rates: { loseAnswer: 0.3, repeat: 0.3, delay: 0.5 } });
      const all = Array.from({ length: 4 }, (_, number) =>
        poolsOf(state, { random, ids: createSeededIds(seed * 10 + number), clock: createSkippingClock() }),
      );
      const slots = await Promise.all(all.map((pools) => pools.acquire('db')));
      expect(new Set(slots.map(({ index }) => index))).toEqual(new Set([0, 1, 2, 3]));
      await Promise.all(all.map((pools) => pools.close()));
      expect([...(await lookAtPool(table, 'db')).slots.values()].filter(({ owner }) => owner !== undefined)).toEqual(
        [],
      );
    }),
  );
});

describe('taking a slot away', () => {
  it('raises its fence once and leaves it to its holder; of a free slot it does nothing', () =>
    withTable(async (table) => {
      await setPool(table, { name: 'db', definition: of(2) }, said());
      expect(await evictSlot(table, { name: 'db', slot: 1 }, said())).toBeNull();
      await table.write(poolSlotKey('db', 1), { set: { fence: 4, owner: 'x', beat: 'b' } }, { op: 'item-absent' });
      const state = hostileStateTable(table, { random: createSeededRandom(3), rates: { loseAnswer: 0.8 } });
      expect(await evictSlot(state, { name: 'db', slot: 1 }, said('bob'))).toMatchObject({ fence: 4, owner: 'x' });
      expect(await table.get(poolSlotKey('db', 1))).toEqual({ fence: 5, owner: 'x', beat: 'b', evictedBy: 'bob' });
    }));

  it('finds a holder that handed the slot on among its own calls since it was seen', () =>
    withTable(async (state) => {
      const seen = { fence: 4, owner: 'x', beat: 'b' };
      await state.write(poolSlotKey('db', 1), { set: { ...seen, fence: 6 } }, { op: 'item-absent' });
      expect(await evictSlot(state, { name: 'db', slot: 1, seen }, said('bob'))).toEqual({ ...seen, fence: 6 });
      expect(await state.get(poolSlotKey('db', 1))).toMatchObject({ fence: 7, evictedBy: 'bob' });
    }));

  it('means the holder that was seen, and nobody after it', () =>
    withTable(async (state) => {
      const seen = { fence: 4, owner: 'x', beat: 'b' };
      await state.write(poolSlotKey('db', 1), { set: { ...seen, fence: 5, owner: 'y' } }, { op: 'item-absent' });
      expect(await evictSlot(state, { name: 'db', slot: 1, seen }, said())).toBeNull();
      expect(await state.get(poolSlotKey('db', 1))).toMatchObject({ fence: 5, owner: 'y' });
    }));
});

const agreeOnPools = async (state: StateTable, pools: readonly JobPool[], by: ReturnType<typeof said>) =>
  (await agreeOnShared(state, { limits: [], pools }, by)).pools;

describe('what a job says of pools', () => {
  it("becomes the site's where the site says nothing, and says so once", () =>
    withTable(async (state) => {
      const pools = [inJob('db', 5)];
      expect((await compareShared(state, { limits: [], pools }, { source: 'job a' })).pools).toMatchObject([
        { name: 'db', isNew: true },
      ]);
      expect(await readPool(state, 'db')).toBeNull();
      expect(await agreeOnPools(state, pools, said('job a by ada@n1'))).toEqual([
        { name: 'db', definition: of(5), isNew: true, source: 'job.yaml:4:5 of job a by ada@n1' },
      ]);
      expect(await agreeOnPools(state, pools, said('job b'))).toMatchObject([{ isNew: false }]);
    }));

  it("may be nothing, or only the slots: then the site's lease counts", () =>
    withTable(async (state) => {
      await setPool(state, { name: 'db', definition: of(5, 1_000) }, said());
      for (const pool of [inJob('db'), inJob('db', 5)])
        expect(await agreeOnPools(state, [pool], said())).toMatchObject([{ definition: of(5, 1_000), isNew: false }]);
    }));

  it('that contradicts the site is refused with both sources, all pools at once, and nothing is written', () =>
    withTable(async (state) => {
      await setPool(state, { name: 'db', definition: of(5) }, said('slurmctl pool set by bob on login1'));
      const error = await refusal(
        agreeOnPools(state, [inJob('new', 1), inJob('db', 1), inJob('nowhere')], said('job b')),
      );
      expect([error.code, error.message]).toEqual(['POOL_CONFLICT', 'the job and the site disagree about 2 pools']);
      expect(error.problems.map(({ message }) => message)).toEqual([
        'pool db: job.yaml:4:5 says 1 slot; the site says 5 slots (slurmctl pool set by bob on login1)',
        'job.yaml:4:5: pool nowhere: the site has none, and the job states no slots',
      ]);
      expect(error.problems.map(({ hint }) => hint)).toEqual([
        "Drop the slots there to take the site's, or change the site's with: slurmctl pool set db --slots 1",
        'Add its slots there, or state them with: slurmctl pool set nowhere --slots 20',
      ]);
      expect(await readPool(state, 'new')).toBeNull();
    }));

  it('nobody ever stated is unknown', () =>
    withTable(async (state) => {
      const error = await refusal(agreeOnPools(state, [inJob('nowhere')], said()));
      expect([error.code, error.problems.length]).toEqual(['POOL_UNKNOWN', 1]);
    }));

  it('at the same moment with other figures: one counts, the other job is refused', () =>
    withTable(async (state) => {
      const jobs = [5, 6, 7].map((slots) => agreeOnPools(state, [inJob('db', slots)], said(`job ${slots}`)));
      const results = await Promise.allSettled(jobs);
      const site = (await requirePool(state, 'db')).definition;
      const agreed = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
      expect(agreed.map(({ definition }) => definition)).toEqual([site]);
      const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as AppError] : []));
      expect(refused.map(({ code }) => code)).toEqual(['POOL_CONFLICT', 'POOL_CONFLICT']);
    }));

  it.each([1, 2, 3, 4])('is agreed on when answers are lost (seed %d)', (seed) =>
    withTable(async (table) => {
      const state = hostileStateTable(table, { random: createSeededRandom(seed), rates: { loseAnswer: 0.5 } });
      expect(await agreeOnPools(state, [inJob('db', 5)], said())).toMatchObject([{ isNew: true }]);
      expect(await readPool(table, 'db')).toMatchObject({ definition: of(5) });
    }),
  );
});
