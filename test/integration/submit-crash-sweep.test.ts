import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { readSubmissions, writeIntent, type Submission } from '../../src/coordinator/submissions.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { knownJobs } from '../../src/app/find-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { createCrashSwitch, SimulatedCrash, type CrashPlan } from '../support/crash.ts';
import { withTempDir } from '../support/temp-dir.ts';

const OPTIONS = { patienceMs: 0 };
const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });

/** Submits, dying as planned. Null when the process died. */
async function submitUntilCrash(rig: Rig, plan: CrashPlan | null): Promise<{ calls: number; died: boolean }> {
  const crash = createCrashSwitch(plan);
  try {
    await submitJob(rig.process(crash), rig.wanted, OPTIONS);
    return { calls: crash.calls(), died: false };
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
    return { calls: crash.calls(), died: true };
  }
}

/** What a person does next: looks at the list, and advances what is there until it is final. */
async function carryOn(rig: Rig): Promise<JobId | null> {
  const [job] = await knownJobs(rig.process().state);
  if (job === undefined) return null;
  for (let round = 0; round < 20; round += 1) {
    const deps = rig.process();
    const meta = await readMeta(deps.state, job.id);
    if (meta !== null && isFinalJobState(meta.state)) return job.id;
    const known = await advanceJob(deps, pass(job.id)).catch((error: { code?: string }) => {
      if (error.code !== 'JOB_NOT_FOUND') throw error;
      return null;
    });
    if (known === null) return null;
    await rig.work(job.id);
    rig.batch.endAll();
    rig.clock.skip(60_000);
  }
  throw new Error(
    `the job did not end in 20 rounds: ${JSON.stringify([await readMeta(rig.process().state, job.id), await rig.tasks(job.id)])}`,
  );
}

async function expectExactlyOnce(rig: Rig, job: JobId): Promise<void> {
  const deps = rig.process();
  const meta = await readMeta(deps.state, job);
  expect(meta).toMatchObject({ state: 'COMPLETED', items: 20, tasks: 4 });
  const tasks = await rig.tasks(job);
  expect(tasks.map((task) => [task.id, task.state, task.items])).toEqual(
    ['000000', '000001', '000002', '000003'].map((id) => [id, 'DONE', 5]),
  );
  const names = rig.batch.accepted.map(({ request }) => request.name);
  expect(new Set(names).size).toBe(names.length);
  const arrays = rig.batch.accepted.filter(({ request }) => request.array !== undefined);
  expect(arrays).toHaveLength(1);
  expect((await knownJobs(deps.state)).filter((known) => known.live)).toEqual([]);
  const rows = await readSubmissions(deps.state, job);
  expect(rows.filter((row) => row.state === 'INTENT' || row.state === 'SUBMITTED')).toEqual([]);
}

describe('a submit that dies', () => {
  it('anywhere is finished by advance, with nothing submitted twice', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      const { calls } = await submitUntilCrash(createRig(join(root, 'count')), null);
      expect(calls).toBeGreaterThan(20);
      let finished = 0;
      for (const when of ['before', 'after'] as const)
        for (let at = 0; at < calls; at += 1) {
          const rig = createRig(join(root, `${when}-${at}`));
          const { died } = await submitUntilCrash(rig, { at, when });
          expect(died, `call ${at}`).toBe(true);
          const job = await carryOn(rig);
          if (job === null) continue;
          await expectExactlyOnce(rig, job).catch((error: unknown) => {
            throw new Error(`after a death ${when} call ${at}`, { cause: error });
          });
          finished += 1;
        }
      // Only a death before the request was stored leaves nothing to go on with.
      expect(finished).toBeGreaterThan(calls * 2 - 20);
    }),
  );
});

describe('an advance that dies', () => {
  it('anywhere, in any round, is followed by one that finishes', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      for (let at = 0; at < 60; at += 1) {
        const rig = createRig(join(root, String(at)));
        await submitUntilCrash(rig, null);
        const [known] = await knownJobs(rig.process().state);
        const job = known?.id as JobId;
        const broken = (task: { id: string; attempts: number }) => task.id === '000002' && task.attempts === 0;
        await rig.work(job, broken);
        rig.batch.endAll({ cause: 'node-fail', rawState: 'NODE_FAIL' });
        const crash = createCrashSwitch({ at, when: at % 2 === 0 ? 'after' : 'before' });
        await advanceJob(rig.process(crash), pass(job)).catch((error: unknown) => {
          if (!(error instanceof SimulatedCrash)) throw error;
        });
        expect(await carryOn(rig)).toBe(job);
        const tasks = await rig.tasks(job);
        expect(tasks.every((task) => task.state === 'DONE')).toBe(true);
        expect(tasks.find((task) => task.id === '000002')).toMatchObject({ attempts: 2, charged: 1 });
      }
    }),
  );
});

describe('cancel', () => {
  it('finishes a job whose submit died anywhere', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      const { calls } = await submitUntilCrash(createRig(join(root, 'count')), null);
      for (let at = 0; at < calls; at += 1) {
        const rig = createRig(join(root, String(at)));
        await submitUntilCrash(rig, { at, when: 'after' });
        const [known] = await knownJobs(rig.process().state);
        if (known === undefined || (await readMeta(rig.process().state, known.id)) === null) continue;
        await cancelJob(rig.process(), known.id, 'enough');
        const meta = await readMeta(rig.process().state, known.id);
        expect(meta).toMatchObject({ state: 'CANCELLED', reason: 'enough' });
        for (const { handle, request } of rig.batch.accepted)
          expect(rig.batch.cancelled.has(handle.id), request.name).toBe(true);
        await advanceJob(rig.process(), pass(known.id));
        expect(rig.aggregated).toEqual([]);
      }
    }),
  );
});

describe('elements that die before they claim anything', () => {
  it('are sent a few times, then their tasks are given up with the reason', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      await submitUntilCrash(rig, null);
      const [known] = await knownJobs(rig.process().state);
      const job = known?.id as JobId;
      for (let round = 0; round < 12; round += 1) {
        rig.batch.endAll({ cause: 'worker-error', rawState: 'FAILED', exitCode: 127, node: 'n7' });
        await advanceJob(rig.process(), pass(job));
        rig.clock.skip(30_000);
      }
      const tasks = await rig.tasks(job);
      expect(tasks.every((task) => task.state === 'DEAD' && task.cause === 'launch-failed')).toBe(true);
      expect(tasks[0]?.causeDetail).toContain('FAILED on n7, exit 127');
      expect(await readMeta(rig.process().state, job)).toMatchObject({ state: 'FAILED' });
      expect(rig.batch.accepted.filter(({ request }) => request.array !== undefined)).toHaveLength(3);
    }));
});

describe('a row that was sent without an answer', () => {
  it('is settled when the job ends without it', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      await submitUntilCrash(rig, null);
      const deps = rig.process();
      const [known] = await knownJobs(deps.state);
      const job = known?.id as JobId;
      const base = { kind: 'finaliser', wave: 0, elements: 1, offset: 0, waveElements: 1 } as const;
      const sent = { ...base, createdMs: rig.clock.nowMs(), sentMs: rig.clock.nowMs() };
      await writeIntent(deps.state, job, deps.ids.ulid() as Submission['id'], sent);
      await rig.work(job);
      rig.batch.endAll();
      await advanceJob(rig.process(), pass(job));
      const states = (await readSubmissions(deps.state, job)).map((row) => row.state);
      expect(states).toContain('REJECTED');
      expect(states.every((state) => state === 'ENDED' || state === 'REJECTED')).toBe(true);
    }));
});
