import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { limitKey, type JobLimit } from '../../src/domain/limit.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { StateChange, StateValue } from '../../src/ports/state-table.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { limitItem, perMinute } from '../support/limit-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const LIMIT: JobLimit = { name: 'openai', cost: {}, per: 'item', source: 'job.yaml:9:5' };
const ANY = { op: 'not', of: { op: 'present', path: 'never' } } as const;
const AGAIN = { waitLeaseMs: 0, patienceMs: 0 };

/** A job of 40 elements at a limit of 10 calls a second; tries may take 30 s, so that nothing is known of them at first. */
async function submitted(root: string, spec: Partial<JobSpec> = {}) {
  const handler = { kind: 'command', argv: ['cat'], concurrency: 1, timeoutMs: 30_000 } as const;
  const rig = createRig(root, { items: 40, batchItems: 1, slots: 40, spec: { limits: [LIMIT], handler, ...spec } });
  const deps = rig.process();
  await setLimit(rig, { set: { ...limitItem(perMinute(600)) } as unknown as Record<string, StateValue> });
  const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
  const array = rig.batch.accepted.find(({ request }) => request.array !== undefined)?.handle.id as string;
  rig.batch.run(array, 10);
  const advance = () => advanceJob(deps, { job, ...AGAIN });
  return { rig, deps, job, array, advance };
}

const setLimit = (rig: Rig, change: StateChange) => rig.process().state.write(limitKey('openai'), change, ANY);
const queueUp = (rig: Rig) => setLimit(rig, { set: { t: (rig.clock.nowMs() + 60_000) * 1_000 } });

/** The first task says what tries take, and how long they wait before. */
async function measured(rig: Rig, job: JobId, ms: number, waitedMs = 9 * ms): Promise<void> {
  const { state } = rig.process();
  const [first] = await rig.tasks(job);
  const win = {
    attempt: '100_0.0',
    sha256: '',
    rows: 1,
    succeeded: 1,
    failed: 0,
    busy: { tries: 100, ms: 100 * ms, waitedMs: 100 * waitedMs },
  };
  await state.write(taskKey(job, first!.id, 1), { set: { state: 'DONE', win } }, ANY);
}

describe('an array whose elements wait for turns of a limit', () => {
  it('may run as many elements as the limit feeds, which people are told, and all of them again when it feeds more', () =>
    withTempDir(async (root) => {
      const { rig, job, array, advance, deps } = await submitted(root);
      await measured(rig, job, 500);
      await queueUp(rig);
      const { steps, nextDueMs } = await advance();
      expect(rig.batch.throttles).toEqual([[array, 6]]);
      const why = 'limit openai feeds 6 of 40 elements, with tries of 500 ms as measured; array throttle 6';
      expect(steps).toContain(`array ${array}: at most 6 elements at once: ${why}`);
      expect((await readMeta(deps.state, job))?.notes).toEqual([why]);
      expect((await readSubmissions(deps.state, job))[0]).toMatchObject({ throttle: { most: 6, why } });
      expect(nextDueMs).toBeLessThanOrEqual(600_000);

      await advance();
      expect(rig.batch.throttles).toHaveLength(1);
      expect((await readMeta(deps.state, job))?.notes).toEqual([why]);

      await setLimit(rig, { set: { definition: perMinute(60_000) as unknown as StateValue } });
      await queueUp(rig);
      await advance();
      expect(rig.batch.throttles.slice(1)).toEqual([[array, 40]]);
      expect((await readMeta(deps.state, job))?.notes).toBeUndefined();
    }));

  it('is held to what is sold after refusals, and gets more as soon as no calls queue', () =>
    withTempDir(async (root) => {
      const { rig, job, array, advance } = await submitted(root);
      await measured(rig, job, 1_000);
      await setLimit(rig, { set: { m: 500_000 } });
      await queueUp(rig);
      await advance();
      await setLimit(rig, { set: { t: (rig.clock.nowMs() - 5_000) * 1_000 } });
      await advance();
      await queueUp(rig);
      await advance();
      expect(rig.batch.throttles).toEqual([
        [array, 6],
        [array, 9],
      ]);
    }));

  it('is left alone while nothing was measured, no queue was seen, or no turn is taken by workers', () =>
    withTempDir(async (root) => {
      const one = await submitted(`${root}/a`);
      await queueUp(one.rig);
      await one.advance();
      const two = await submitted(`${root}/b`);
      await measured(two.rig, two.job, 500);
      await two.advance();
      const three = await submitted(`${root}/c`, { limits: [{ ...LIMIT, per: 'call' }] });
      await measured(three.rig, three.job, 500);
      await queueUp(three.rig);
      await three.advance();
      for (const { rig } of [one, two, three]) expect(rig.batch.throttles).toEqual([]);
    }));

  it('is known to wait by its tries where tasks are too short to say so, and where its limit is sold slowly', () =>
    withTempDir(async (root) => {
      const soldAhead = async (waitedMs: number) => {
        const one = await submitted(`${root}/${waitedMs}`);
        await measured(one.rig, one.job, 500, waitedMs);
        await setLimit(one.rig, { set: { t: (one.rig.clock.nowMs() + 800) * 1_000 } });
        await one.advance();
        return one.rig.batch.throttles.map(([, most]) => most);
      };
      expect(await soldAhead(100)).toEqual([]);
      expect(await soldAhead(4_500)).toEqual([6]);
    }));

  it("never gets more than the user's own throttle", () =>
    withTempDir(async (root) => {
      const { rig, job, array, advance } = await submitted(root, {
        slurm: { elements: 40, throttle: 20, extra: [] },
      });
      await measured(rig, job, 1_000);
      await queueUp(rig);
      await advance();
      await setLimit(rig, { set: { definition: perMinute(60_000) as unknown as StateValue } });
      await queueUp(rig);
      await advance();
      expect(rig.batch.throttles).toEqual([
        [array, 12],
        [array, 20],
      ]);
    }));

  it('is left alone when there is nothing more to do', () =>
    withTempDir(async (root) => {
      const { rig, job, advance } = await submitted(root);
      await measured(rig, job, 500);
      await rig.work(job);
      await queueUp(rig);
      expect((await advance()).meta.state).toBe('COMPLETED');
      expect(rig.batch.throttles).toEqual([]);
    }));

  it('is set by the next pass when the batch system did not answer', () =>
    withTempDir(async (root) => {
      const { rig, deps, job, array, advance } = await submitted(root);
      await measured(rig, job, 500);
      await queueUp(rig);
      const unreachable = async () => Promise.reject(new AppError('BATCH_UNREACHABLE', { message: 'no controller' }));
      const failing = { ...deps, batch: { ...deps.batch, setThrottle: unreachable } };
      await advanceJob(failing, { job, ...AGAIN });
      expect((await readSubmissions(deps.state, job))[0]?.throttle).toBeUndefined();
      await advance();
      expect(rig.batch.throttles).toEqual([[array, 6]]);
    }));
});
