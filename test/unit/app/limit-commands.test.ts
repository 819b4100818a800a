import { describe, expect, it } from 'vitest';
import type { Drivers } from '../../../src/app/job-backends.ts';
import { limitDelete, limitList, limitSet, limitShow, limitWatch } from '../../../src/app/limit-commands.ts';
import { planJob } from '../../../src/app/plan-job.ts';
import { cancelJob } from '../../../src/coordinator/cancel.ts';
import { submitJob } from '../../../src/coordinator/submit-job.ts';
import { limitKey, type JobLimit } from '../../../src/domain/limit.ts';
import { taskIdOf, type AttemptId } from '../../../src/domain/ids.ts';
import { taskKey } from '../../../src/domain/state-keys.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import { poolIndexKey, poolKey } from '../../../src/domain/pool.ts';
import type { StateItem } from '../../../src/ports/state-table.ts';
import { runWaiting, withSite } from '../../support/site-rig.ts';

const api: JobLimit = { name: 'api', cost: {}, per: 'call', source: 'job.yaml:4:5' };

const MINUTE_MS = 60_000;

describe('limits of a site', () => {
  it('are set, listed and shown with what was sold and refused', () =>
    withSite({}, async ({ rig, drivers, tableMs }) => {
      const words = { rate: '10/s', daily: ['1000'] };
      expect(await limitSet(drivers, { name: 'api', words })).toMatchObject({
        outcome: 'created',
        before: null,
        limit: { words: 'requests 10/s, daily requests 1000 (UTC)', source: 'slurmctl limit set by ada@host' },
      });
      const idle = await limitShow(drivers, 'api');
      expect(idle).toMatchObject({ share: 1, soldUntil: null, soldAheadMs: 0, refusedAt: null, jobs: [] });
      expect(idle.sold).toEqual([{ unit: 'requests', units: 0, perSec: null, statedPerSec: 10, ofPerSec: 7 }]);

      // Turns are sold by the clock of the table.
      const nowMs = tableMs();
      const day = Math.floor(nowMs / 86_400_000) * 86_400_000;
      const sold = {
        t: (nowMs + 5_000) * 1_000,
        m: 500_000,
        la: nowMs,
        refusals: 1,
        answers429: 41,
        sold: { requests: 70 },
      };
      await drivers.state.write(
        limitKey('api'),
        { set: { ...sold, windows: { 0: { from: day, used: 70 } } } },
        { op: 'item-present' },
      );
      // Somebody buys between the two looks of one `show`.
      const get = drivers.state.get.bind(drivers.state);
      let gets = 0;
      const busy: Drivers = {
        ...drivers,
        state: {
          ...drivers.state,
          get: async (key) => {
            gets += key.sort === 'LIM' ? 1 : 0;
            const add = { 'sold.requests': 4, t: 2_000_000 };
            if (gets === 3) await drivers.state.write(key, { add }, { op: 'item-present' });
            return get(key);
          },
        },
      };
      const shown = await limitShow(busy, 'api');
      const since = new Date(rig.clock.nowMs() - 2_000).toISOString();
      expect(shown).toMatchObject({ share: 0.5, answers429: 41, since, refusals: 1, soldAheadMs: 5_000 });
      expect(shown.sold).toEqual([{ unit: 'requests', units: 74, perSec: 2, statedPerSec: 10, ofPerSec: 3.5 }]);
      expect(shown.windows).toMatchObject([{ used: 70, amount: 1_000, from: new Date(day).toISOString() }]);
      expect(await limitList(drivers)).toMatchObject({
        limits: [{ share: 0.5, soldAheadMs: 5_000, answers429: 41, refusals: 1 }],
      });

      rig.clock.skip(2 * 86_400_000);
      expect((await limitShow(drivers, 'api')).windows).toMatchObject([{ used: 0 }]);
    }));

  it('sell at the pace of their timeline, whatever lumps they are bought in, and past moments are no next turns', () =>
    withSite({ limits: [api] }, async ({ rig, deps, drivers, tableMs }) => {
      await limitSet(drivers, { name: 'api', words: { rate: '600/min' } });
      const { job, meta } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      const untilMs = rig.clock.nowMs() + 3_000;
      await runWaiting(deps, { job, shards: meta.shards }, [{ kind: 'limit', name: 'api', untilMs }]);
      const t = (tableMs() + 8_000) * 1_000;
      await drivers.state.write(limitKey('api'), { set: { t } }, { op: 'item-present' });
      const seen = [];
      for await (const { sold, jobs } of limitWatch(drivers, { name: 'api' })) {
        seen.push([sold[0]?.perSec, jobs[0]?.nextAt !== null]);
        if (seen.length === 7) break;
        // Dearer from here on: what was sold before says nothing of it.
        if (seen.length === 5)
          await drivers.state.write(
            limitKey('api'),
            { set: { m: 500_000 }, add: { g: 1, t: 30_000_000, 'sold.requests': 150 } },
            { op: 'item-present' },
          );
        if (seen.length === 6)
          await drivers.state.write(
            limitKey('api'),
            { add: { t: 4_000_000, 'sold.requests': 20 } },
            { op: 'item-present' },
          );
        // Forty turns of a tenth of a second each with one purchase, at the second look.
        if (seen.length === 1)
          await drivers.state.write(
            limitKey('api'),
            { add: { 'sold.requests': 40, t: 4_000_000 } },
            { op: 'item-present' },
          );
      }
      expect(seen).toEqual([
        [null, true],
        [10, true],
        [10, true],
        [10, false],
        [10, false],
        [null, false],
        [5, false],
      ]);
    }));

  it('are watched look after look', () =>
    withSite({}, async ({ drivers }) => {
      await limitSet(drivers, { name: 'api', words: { rate: '10/s' } });
      const looks = [];
      for await (const look of limitWatch(drivers, { name: 'api' })) {
        looks.push(look.sold[0]?.perSec);
        if (looks.length === 3) break;
      }
      expect(looks).toEqual([null, 0, 0]);
    }));

  it('nobody set are unknown', () =>
    withSite({}, async ({ drivers }) => {
      for (const asking of [() => limitShow(drivers, 'api'), () => limitDelete(drivers, { name: 'api', force: true })])
        await expect(asking()).rejects.toMatchObject({
          code: 'LIMIT_UNKNOWN',
          hint: 'Set it with: slurmctl limit set api --rate 3000/min; see what there is with: slurmctl limit list',
        });
    }));

  it('that were probably meant are named', () =>
    withSite({}, async ({ drivers }) => {
      await limitSet(drivers, { name: 'openai', words: { rate: '10/s' } });
      const pool = { definition: { slots: 1, leaseMs: 60_000 }, source: 'ada', setMs: 0, g: 1 };
      await drivers.state.write(poolKey('db'), { set: pool }, { op: 'item-absent' });
      await drivers.state.createMany([{ key: poolIndexKey('db'), item: { name: 'db' } }]);
      for (const [name, hint] of [
        ['OpenAI', 'Did you mean openai? List all with: slurmctl limit list'],
        ['db', 'There is a pool of this name: slurmctl pool show db'],
        ['My Key', 'Set it with: slurmctl limit set NAME --rate 3000/min; see what there is with: slurmctl limit list'],
      ] as const)
        await expect(limitShow(drivers, name)).rejects.toMatchObject({ code: 'LIMIT_UNKNOWN', hint });
    }));

  it('are refused where the words make none, and nothing is written', () =>
    withSite({}, async ({ drivers }) => {
      await expect(limitSet(drivers, { name: 'api', words: { rate: '0/s' } })).rejects.toMatchObject({ code: 'USAGE' });
      expect((await limitList(drivers)).limits).toEqual([]);
    }));

  it('that live jobs use show them with who waits, and are deleted by force alone', () =>
    withSite({ limits: [api] }, async ({ rig, deps, drivers }) => {
      await limitSet(drivers, { name: 'api', words: { rate: '10/s' } });
      await limitSet(drivers, { name: 'other', words: { rate: '10/s' } });
      const { job, meta } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      const untilMs = rig.clock.nowMs() + MINUTE_MS;
      await runWaiting(deps, { job, shards: meta.shards }, [
        { kind: 'limit', name: 'api', untilMs },
        { kind: 'limit', name: 'other', untilMs: 1 },
        { kind: 'limit', name: 'api', untilMs: untilMs + 5 },
      ]);
      expect((await limitShow(drivers, 'api')).jobs).toEqual([
        {
          id: job,
          name: meta.name,
          state: 'RUNNING',
          runningTasks: 3,
          waitingTasks: 2,
          nextAt: new Date(untilMs).toISOString(),
        },
      ]);
      await expect(limitDelete(drivers, { name: 'api', force: false })).rejects.toMatchObject({
        code: 'LIMIT_IN_USE',
        message: `limit api is used by a live job: ${job}`,
        details: { jobs: [job] },
      });
      expect(await limitDelete(drivers, { name: 'other', force: false })).toMatchObject({ jobs: [] });
      expect(await limitDelete(drivers, { name: 'api', force: true })).toMatchObject({ jobs: [job] });
      expect((await limitList(drivers)).limits).toEqual([]);
    }));

  it('say which workers hold turns, for as long as these can be spent, and no dead ones', () =>
    withSite({ limits: [api] }, async ({ rig, deps, drivers, tableMs }) => {
      await limitSet(drivers, { name: 'api', words: { rate: '10/s' } });
      const { job, meta } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      const nowMs = rig.clock.nowMs();
      const untilMs = tableMs() + MINUTE_MS;
      const waiting = { kind: 'limit', name: 'api', calls: 5, untilMs: nowMs + 3_000 } as const;
      const heartbeatMs = nowMs - 9_000;
      const hold = { limit: 'api', had: 20, left: 4, untilMs };
      const said: readonly Partial<TaskItem>[] = [
        { waiting, heartbeatMs, node: 'n1', holds: [{ limit: 'other', had: 99, left: 9, untilMs }] },
        { heartbeatMs, node: 'n2', owner: 'e.1.0' as AttemptId, holds: [{ ...hold, unit: 'tokens' }] },
        // The same process, which has gone on to another task.
        { heartbeatMs: nowMs - 39_000, node: 'n2', owner: 'e.1.0' as AttemptId, holds: [hold] },
        { heartbeatMs: nowMs - 600_000, node: 'n3', holds: [{ ...hold, left: 9 }] },
      ];
      for (const [number, set] of said.entries()) {
        const change = { set: { state: 'RUNNING', ...set } as StateItem };
        await deps.state.write(taskKey(job, taskIdOf(number), meta.shards), change, { op: 'item-present' });
      }
      const waiter = {
        job,
        task: taskIdOf(0),
        node: 'n1',
        held: null,
        waitingCalls: 5,
        nextAt: new Date(nowMs + 3_000).toISOString(),
        had: 0,
        silentMs: 9_000,
      };
      const holder = { ...waiter, task: taskIdOf(1), node: 'n2', waitingCalls: 0, nextAt: null, had: 20 };
      const until = new Date(untilMs).toISOString();
      expect(await limitShow(drivers, 'api')).toMatchObject({
        workers: [
          { task: taskIdOf(3), held: { units: 9 }, silentMs: 600_000 },
          { ...holder, held: { units: 4, unit: 'tokens', until } },
          waiter,
        ],
        moreWorkers: 0,
      });
      rig.clock.skip(MINUTE_MS);
      expect((await limitShow(drivers, 'api')).workers).toEqual([
        { ...waiter, nextAt: null, silentMs: 69_000 },
        { ...holder, held: null, silentMs: 69_000 },
      ]);
      rig.clock.skip(MINUTE_MS);
      expect((await limitShow(drivers, 'api')).workers).toEqual([]);
    }));

  it('that jobs used to use are free', () =>
    withSite({ limits: [api] }, async ({ rig, deps, drivers }) => {
      await limitSet(drivers, { name: 'api', words: { rate: '10/s' } });
      const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
      await cancelJob(deps, job, 'done with it');
      expect(await limitDelete(drivers, { name: 'api', force: false })).toMatchObject({ jobs: [] });
    }));
});

describe('plan', () => {
  const about = { schedulerFrom: 'test', elementLogDir: () => '/logs' };
  const slow: JobLimit = {
    ...api,
    per: 'item',
    definition: { rates: { requests: { amount: 1, perMs: MINUTE_MS } }, quotas: [], burstMs: 0, mode: 'statistical' },
  };

  it('shows what limits say and what they feed, and stores nothing', () =>
    withSite({ limits: [slow] }, async ({ rig, deps, drivers }) => {
      const wanted = { ...rig.wanted, warnings: [] };
      const document = await planJob(deps, wanted, about);
      const { timeoutMs } = rig.wanted.spec.handler;
      expect(document.limits.filter(({ name }) => name.startsWith('limit'))).toEqual([
        {
          name: 'limit api',
          value: 'requests 1/min',
          from: `job.yaml:4:5 of job ${rig.wanted.spec.name}; submit makes it the site's`,
        },
        {
          name: 'limit api feeds',
          value: `at most ${Math.ceil((1.2 * timeoutMs) / MINUTE_MS)} elements`,
          from: expect.stringContaining('(handler.timeout)') as string,
        },
      ]);
      expect((await limitList(drivers)).limits).toEqual([]);
    }));

  it('refuses what submit would refuse', () =>
    withSite({ limits: [slow] }, async ({ rig, deps, drivers }) => {
      await limitSet(drivers, { name: 'api', words: { rate: '10/s' } });
      await expect(planJob(deps, { ...rig.wanted, warnings: [] }, about)).rejects.toMatchObject({
        code: 'LIMIT_CONFLICT',
      });
    }));
});
