import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { JobLimit, LimitItem } from '../../src/domain/limit.ts';
import { limitKey } from '../../src/domain/limit.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { MAX_ATTEMPTS_IN_ALL, MAX_IDLE_ATTEMPTS } from '../../src/domain/task-item.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { limitItem, perMinute } from '../support/limit-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const HOUR_MS = 3_600_000;
const API: JobLimit = { name: 'api', cost: {}, per: 'item', source: 'job.yaml' };
const DAILY = perMinute(600, { quotas: [{ unit: 'requests', amount: 1_000, every: 'day', zone: 'UTC' }] });

async function setting(rig: Rig, more: Partial<LimitItem>): Promise<void> {
  const item = limitItem(DAILY, { setMs: rig.clock.nowMs(), ...more }) as unknown as StateItem;
  await rig.process().state.write(limitKey('api'), { set: item }, { op: 'not', of: { op: 'present', path: 'never' } });
}

/** A job of four tasks. Its first element has met the quota with task 0, six hours before it goes on; the others are not begun. */
const onSpentJob = (use: (scene: Awaited<ReturnType<typeof spentJob>>) => Promise<void>): Promise<void> =>
  withTempDir(async (root) => use(await spentJob(createRig(root, { slots: 8, spec: { limits: [API] } }))));

async function spentJob(rig: Rig) {
  const deps = rig.process();
  await setting(rig, {});
  const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
  const setMs = rig.clock.nowMs();
  const dueMs = setMs + 6 * HOUR_MS;
  const [first] = await rig.tasks(job);
  const array = rig.batch.accepted.find(({ request }) => request.array !== undefined);
  const set = {
    state: 'WAIT',
    owner: `${array?.handle.id}_0.0`,
    attempts: 1,
    charged: 1,
    cause: 'quota-spent',
    causeDetail: 'limit api: daily 1000 requests used up; goes on at 2023-11-15 00:00 UTC (items left: 2)',
    deferred: { items: 2, dueMs, quota: { limit: 'api', setMs } },
    heartbeatMs: setMs,
  };
  await deps.state.write(taskKey(job, first?.id as never, 1), { set }, { op: 'item-present' });
  rig.batch.endAll();
  const sent = () => rig.batch.accepted.filter(({ request }) => request.array !== undefined).slice(1);
  return { rig, job, dueMs, sent, pass: () => advanceJob(rig.process(), { job, waitLeaseMs: 60_000, patienceMs: 0 }) };
}

describe('a job whose quota is used up', () => {
  it('sends nothing before the next window, says so, and is looked at when it begins', () =>
    onSpentJob(async ({ rig, job, dueMs, sent, pass }) => {
      const { meta, nextDueMs } = await pass();
      expect(sent()).toEqual([]);
      expect(meta.waitingFor).toBe('limit api: daily 1000 requests used up; goes on at 2023-11-15 00:00 UTC');
      expect(rig.clock.nowMs() + (nextDueMs ?? 0)).toBe(dueMs);
      const timed = rig.batch.accepted.filter(({ request }) => request.beginAfterSec !== undefined);
      expect(timed.at(-1)?.request.beginAfterSec).toBe(Math.ceil((nextDueMs ?? 0) / 1_000));
      expect((await rig.tasks(job)).map(({ state, charged }) => [state, charged])).toEqual([
        ['WAIT', 0],
        ['PENDING', 0],
        ['PENDING', 0],
        ['PENDING', 0],
      ]);
      rig.clock.skip(HOUR_MS);
      await pass();
      expect(sent()).toEqual([]);
      rig.clock.skip(5 * HOUR_MS);
      const { meta: after } = await pass();
      expect(sent().map(({ request }) => request.array?.count)).toEqual([4]);
      expect(after).not.toHaveProperty('waitingFor');
    }));

  it('goes on at once when somebody has stated the limit anew', () =>
    onSpentJob(async ({ rig, sent, pass }) => {
      await pass();
      rig.clock.skip(1_000);
      await setting(rig, {});
      await pass();
      expect(sent()).toHaveLength(1);
    }));

  it('goes on at once, and again and again, when its elements only waited until their time was over', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { slots: 8, spec: { limits: [API] } });
      await setting(rig, {});
      const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
      const arrays = () => rig.batch.accepted.filter(({ request }) => request.array !== undefined);
      for (const day of [1, 2]) {
        const [first] = await rig.tasks(job);
        const set = {
          state: 'WAIT',
          owner: `${arrays().at(-1)?.handle.id}_0.0`,
          // Any other end would be the last.
          attempts: MAX_ATTEMPTS_IN_ALL + day,
          idleAttempts: MAX_IDLE_ATTEMPTS - 1,
          charged: 1,
          cause: 'waiting',
          causeDetail: 'the time of the element was over while it waited for pool db, with 0 of 5 items finished',
          heartbeatMs: rig.clock.nowMs(),
        };
        await rig.process().state.write(taskKey(job, first?.id as never, 1), { set }, { op: 'item-present' });
        rig.batch.endAll();
        rig.clock.skip(HOUR_MS);
        await advanceJob(rig.process(), { job, waitLeaseMs: 60_000, patienceMs: 0 });
        expect(arrays().length, `day ${day}`).toBe(day + 1);
        expect(arrays().at(-1)?.request.resources).toEqual(arrays()[0]?.request.resources);
      }
      expect((await rig.tasks(job))[0]).toMatchObject({ state: 'PENDING', charged: 0, attemptsBefore: 2 });
    }));

  it('sends one element to look, where others have used it up before it was submitted', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { slots: 8, spec: { limits: [API] } });
      await setting(rig, { windows: { 0: { from: rig.clock.nowMs() - HOUR_MS, used: 1_000 } } });
      await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
      expect(rig.batch.accepted.flatMap(({ request }) => request.array?.count ?? [])).toEqual([1]);
    }));
});
