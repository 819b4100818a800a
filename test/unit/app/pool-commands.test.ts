import { describe, expect, it } from 'vitest';
import type { Drivers } from '../../../src/app/job-backends.ts';
import { poolDelete, poolList, poolSet, poolShow, poolWatch } from '../../../src/app/pool-commands.ts';
import { poolEvict } from '../../../src/app/pool-evict.ts';
import type { EvictWhom } from '../../../src/config/pool-words.ts';
import { cancelJob } from '../../../src/coordinator/cancel.ts';
import { submitJob } from '../../../src/coordinator/submit-job.ts';
import { poolPlaceKey, poolSlotKey, type JobPool } from '../../../src/domain/pool.ts';
import { turnsKey } from '../../../src/domain/turns.ts';
import type { StateItem } from '../../../src/ports/state-table.ts';
import { runWaiting, withSite } from '../../support/site-rig.ts';

const db: JobPool = { name: 'db', priority: 0, per: 'call', source: 'job.yaml:4:5' };
const of = (slots: string, lease?: string) => ({
  name: 'db',
  words: { slots, ...(lease === undefined ? {} : { lease }) },
});
const EVICTED_BY = 'slurmctl pool evict by ada@host';

/** What a holder of a slot, or of a place in line, writes. */
const holder = (nowMs: number, more: StateItem = {}): StateItem => ({
  owner: 'token',
  beat: 'b',
  leaseMs: 60_000,
  job: 'embed-7k3f9q2m',
  node: 'n1',
  priority: 0,
  sinceMs: nowMs - 120_000,
  beatMs: nowMs - 4_000,
  ...more,
});

const holds = async ({ state }: Drivers, slot: number, item: StateItem): Promise<void> =>
  void (await state.write(poolSlotKey('db', slot), { set: { fence: 7, ...item } }, { op: 'item-absent' }));

const waits = async ({ state }: Drivers, place: number, item: StateItem): Promise<void> =>
  void (await state.write(poolPlaceKey('db', place), { set: item }, { op: 'item-absent' }));

describe('pools of a site', () => {
  it('are set and listed; a lease that is not said stays as it is', () =>
    withSite({}, async ({ drivers }) => {
      expect(await poolSet(drivers, of('20', '30s'))).toMatchObject({
        outcome: 'created',
        before: null,
        held: 0,
        pool: { slots: 20, leaseMs: 30_000, words: '20 slots, lease 30 s', source: 'slurmctl pool set by ada@host' },
      });
      expect(await poolSet(drivers, of('1'))).toMatchObject({
        outcome: 'changed',
        before: { words: '20 slots, lease 30 s' },
        pool: { words: '1 slot, lease 30 s' },
      });
      expect(await poolSet(drivers, of('1'))).toMatchObject({ outcome: 'same' });
      expect(await poolList(drivers)).toMatchObject({ pools: [{ figures: { name: 'db' }, held: 0, waiting: 0 }] });
    }));

  it('are refused where the words make none, and nothing is written', () =>
    withSite({}, async ({ drivers }) => {
      await expect(poolSet(drivers, of('0'))).rejects.toMatchObject({ code: 'USAGE' });
      expect((await poolList(drivers)).pools).toEqual([]);
    }));

  it('show each slot by the clock of the table, who waits in which order, and the jobs', () =>
    withSite({ pools: [db] }, async ({ rig, deps, drivers, tableMs }) => {
      await poolSet(drivers, of('4'));
      const nowMs = tableMs();
      await holds(drivers, 0, holder(nowMs));
      await holds(drivers, 1, holder(nowMs, { evictedBy: 'bob', fence: 8 }));
      await holds(drivers, 2, holder(nowMs, { beatMs: nowMs - 60_001 }));
      await holds(drivers, 9, holder(nowMs, { node: 'n9' }));
      await holds(drivers, 10, { fence: 3 });
      await waits(drivers, 5, holder(nowMs, { ticket: 3, job: 'third' }));
      await waits(drivers, 6, holder(nowMs, { ticket: 9, job: 'first', priority: 5 }));
      await waits(drivers, 7, holder(nowMs, { ticket: 2, job: 'second' }));
      await waits(drivers, 8, holder(nowMs, { ticket: 1, job: 'dead', beatMs: nowMs - 60_001 }));
      await waits(drivers, 9, { ticket: 0 });
      const { job, meta } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await runWaiting(deps, { job, shards: meta.shards }, [
        { kind: 'pool', name: 'db' },
        { kind: 'limit', name: 'db' },
      ]);
      const shown = await poolShow(drivers, 'db');
      expect(shown.slots.map(({ slot, state, fence }) => [slot, state, fence])).toEqual([
        [0, 'held', 7],
        [1, 'evicted', 8],
        [2, 'silent', 7],
        [3, 'free', 0],
        [9, 'held', 7],
      ]);
      expect(shown.slots[1]).toMatchObject({ evictedBy: 'bob', holder: { silentMs: 4_000, forMs: 120_000 } });
      expect(shown.held).toBe(3);
      expect(shown.waiting.map((person) => person.job)).toEqual(['first', 'second', 'third']);
      expect(shown.jobs).toEqual([{ id: job, name: meta.name, state: 'RUNNING', runningTasks: 2, waitingTasks: 1 }]);
      expect(await poolList(drivers)).toMatchObject({ pools: [{ held: 3, waiting: 3 }] });
      // Fewer slots than holders: nobody loses one.
      expect(await poolSet(drivers, of('2'))).toMatchObject({ outcome: 'changed', held: 3 });
      for await (const look of poolWatch(drivers, { name: 'db' })) {
        expect(look.figures.slots).toBe(2);
        break;
      }
    }));

  it('that somebody uses, holds or waits for are deleted by force alone', () =>
    withSite({ pools: [db] }, async ({ rig, deps, drivers, tableMs }) => {
      await poolSet(drivers, of('4'));
      const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await holds(drivers, 0, holder(tableMs()));
      await waits(drivers, 0, holder(tableMs(), { ticket: 1 }));
      const isRefused = (message: string) =>
        expect(poolDelete(drivers, { name: 'db', force: false })).rejects.toMatchObject({
          code: 'POOL_IN_USE',
          message,
        });
      await isRefused(`pool db is in use: a live job names it (${job}), 1 slot is held, 1 process waits`);
      await cancelJob(deps, job, 'done with it');
      await isRefused('pool db is in use: 1 slot is held, 1 process waits');
      expect(await poolDelete(drivers, { name: 'db', force: true })).toMatchObject({ jobs: [], held: 1, waiting: 1 });
      expect((await poolList(drivers)).pools).toEqual([]);
    }));

  it('whose last holders are dead are free', () =>
    withSite({}, async ({ rig, drivers, tableMs }) => {
      await poolSet(drivers, of('4'));
      await holds(drivers, 0, holder(tableMs()));
      rig.clock.skip(60_000);
      expect(await poolDelete(drivers, { name: 'db', force: false })).toMatchObject({ held: 0 });
    }));

  it('nobody set are unknown, with the one that was probably meant', () =>
    withSite({}, async ({ drivers }) => {
      await poolSet(drivers, { name: 'matlab', words: { slots: '5' } });
      for (const asking of [
        () => poolShow(drivers, 'matlap'),
        () => poolDelete(drivers, { name: 'Matlab', force: true }),
        () => poolEvict(drivers, { name: 'mat-lab', whom: { slot: '0' } }),
      ])
        await expect(asking()).rejects.toMatchObject({
          code: 'POOL_UNKNOWN',
          hint: 'Did you mean matlab? List all with: slurmctl pool list',
        });
    }));
});

describe('a group of jobs', () => {
  it('is shown with the jobs that run and wait, and is in use while they live', () =>
    withSite(
      { concurrency: { group: 'nightly', max: 1, source: 'job.yaml:4:5' } },
      async ({ rig, deps, drivers, tableMs }) => {
        const name = 'group:nightly';
        await poolSet(drivers, { name, words: { slots: '1' } });
        await poolSet(drivers, of('2'));
        const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
        const entry = (id: string) => ({ job: id, generation: 0, user: 'ada', sinceMs: tableMs() - 9_000 });
        const turns = { g: 1, holders: [entry(job)], line: [entry('gone-22222222')] };
        await drivers.state.deleteItem(turnsKey('nightly'));
        await drivers.state.write(turnsKey('nightly'), { set: turns }, { op: 'item-absent' });
        const shown = await poolShow(drivers, name);
        expect(shown).toMatchObject({
          figures: { kind: 'group', leaseMs: null, words: '1 job at a time' },
          held: 1,
          slots: [],
          turns: {
            running: [{ job, user: 'ada', state: 'RUNNING', forMs: 9_000 }],
            waiting: [{ job: 'gone-22222222', state: null }],
          },
          jobs: [{ id: job }],
        });
        expect(await poolList(drivers)).toMatchObject({
          pools: [{ figures: { name: 'db' } }],
          groups: [{ figures: { name }, held: 1, waiting: 0 }],
        });
        await expect(poolDelete(drivers, { name, force: false })).rejects.toMatchObject({
          code: 'POOL_IN_USE',
          message: `pool ${name} is in use: a live job names it (${job}), 1 job runs`,
        });
        await expect(poolEvict(drivers, { name, whom: { slot: '0' } })).rejects.toMatchObject({
          code: 'USAGE',
          hint: expect.stringContaining(`slurmctl cancel ${job}`) as string,
        });
        await expect(poolShow(drivers, 'nightly')).rejects.toMatchObject({
          hint: `There is a group of jobs of this name: slurmctl pool show ${name}`,
        });
      },
    ));
});

describe('evicting', () => {
  const withHolders = (
    work: (drivers: Drivers, evict: (whom: EvictWhom) => ReturnType<typeof poolEvict>) => Promise<void>,
  ) =>
    withSite({}, async ({ drivers, tableMs }) => {
      await poolSet(drivers, of('4'));
      await holds(drivers, 0, holder(tableMs()));
      await holds(drivers, 1, holder(tableMs(), { node: 'n2' }));
      await holds(drivers, 3, holder(tableMs(), { job: 'other-aaaaaaaa', node: 'n2' }));
      await work(drivers, (whom) => poolEvict(drivers, { name: 'db', whom }));
    });

  it('takes one slot, and says whose it was and when it is free', () =>
    withHolders(async (drivers, evict) => {
      expect(await evict({ slot: '1' })).toMatchObject({
        slots: [
          {
            slot: 1,
            outcome: 'evicted',
            holder: { job: 'embed-7k3f9q2m', node: 'n2', forMs: 120_000 },
            fence: 7,
            evictedBy: EVICTED_BY,
            hearsWithinMs: 20_000,
            freeAfterMs: 60_000,
          },
        ],
      });
      expect(await drivers.state.get(poolSlotKey('db', 1))).toMatchObject({ fence: 8, evictedBy: EVICTED_BY });
      expect(await evict({ slot: '1' })).toMatchObject({
        slots: [{ outcome: 'already', fence: 7, evictedBy: EVICTED_BY }],
      });
      expect(await drivers.state.get(poolSlotKey('db', 1))).toMatchObject({ fence: 8 });
    }));

  it.each([
    [{ job: 'embed-7k3f9q2m' }, [0, 1]],
    [{ node: 'n2' }, [1, 3]],
  ])('takes all that %j holds', (whom, slots) =>
    withHolders(async (_drivers, evict) => {
      expect((await evict(whom)).slots.map(({ slot, outcome }) => [slot, outcome])).toEqual(
        slots.map((slot) => [slot, 'evicted']),
      );
    }),
  );

  it('by the name of a job finds its holders', () =>
    withSite({}, async ({ rig, deps, drivers, tableMs }) => {
      await poolSet(drivers, of('4'));
      const { job, meta } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await holds(drivers, 2, holder(tableMs(), { job }));
      const evicted = await poolEvict(drivers, { name: 'db', whom: { job: meta.name } });
      expect(evicted.slots.map(({ slot }) => slot)).toEqual([2]);
    }));

  it('takes nothing from a holder that came after the look', () =>
    withHolders(async (drivers) => {
      const state: Drivers['state'] = {
        ...drivers.state,
        async write(...call) {
          await drivers.state.write(poolSlotKey('db', 0), { set: { owner: 'next', fence: 8 } }, { op: 'item-present' });
          return drivers.state.write(...call);
        },
      };
      const document = await poolEvict({ ...drivers, state }, { name: 'db', whom: { slot: '0' } });
      expect(document.slots).toMatchObject([{ outcome: 'returned', evictedBy: null }]);
      expect(await drivers.state.get(poolSlotKey('db', 0))).not.toHaveProperty('evictedBy');
    }));

  it.each([
    [{ slot: '2' }, 'POOL_NOT_HELD', 'nobody holds slot 2 of pool db'],
    [{ slot: '4' }, 'USAGE', 'pool evict db: found slot "4", expected a number from 0 to 3'],
    [{ slot: '-1' }, 'USAGE', 'pool evict db: found slot "-1", expected a number from 0 to 3'],
    [{ slot: 'embed' }, 'USAGE', 'pool evict db: found slot "embed", expected a number from 0 to 3'],
    [{ job: 'nobody' }, 'POOL_NOT_HELD', 'job nobody holds no slot of pool db'],
    [{ node: 'n3' }, 'POOL_NOT_HELD', 'nobody on node "n3" holds a slot of pool db; did you mean n1?'],
  ])('%j is refused', (whom, code, message) =>
    withHolders(async (drivers, evict) => {
      await expect(evict(whom)).rejects.toMatchObject({
        code,
        message,
        hint: 'See who holds what with: slurmctl pool show db',
      });
      expect((await poolShow(drivers, 'db')).slots.every(({ evictedBy }) => evictedBy === null)).toBe(true);
    }),
  );
});
