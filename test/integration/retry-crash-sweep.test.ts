import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownJobs } from '../../src/app/find-job.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { pauseJob } from '../../src/coordinator/pause.ts';
import { redoJob, type RedoRequest } from '../../src/coordinator/redo.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { redoKey } from '../../src/domain/keys.ts';
import type { RedoTask } from '../../src/domain/redo.ts';
import { EVENT_PREFIX, jobEventKey, jobPartition, taskKey } from '../../src/domain/state-keys.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { createCrashSwitch, SimulatedCrash, type CrashPlan } from '../support/crash.ts';
import { withTempDir } from '../support/temp-dir.ts';

const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });

/** Advances until the job is final, its elements doing their work in between. */
async function toTheEnd(rig: Rig, job: JobId): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await advanceJob(rig.process(), pass(job));
    const meta = await readMeta(rig.process().state, job);
    if (meta !== null && isFinalJobState(meta.state)) return;
    await rig.work(job);
    rig.batch.endAll();
    rig.clock.skip(60_000);
  }
  throw new Error(`the job did not end: ${JSON.stringify(await readMeta(rig.process().state, job))}`);
}

/** What is given up is given up at once: the sweeps have that behind them hundreds of times. */
const retryRig = (root: string): Rig =>
  createRig(root, { spec: { retry: { items: 1, attempts: 1, backoff: { baseMs: 1, maxMs: 1 }, tolerate: {} } } });

/** A job of four tasks that has ended; task 2 was given up. */
async function endedJob(rig: Rig): Promise<JobId> {
  const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
  await rig.work(job, (task) => task.id === '000002');
  for (let round = 0; round < 12; round += 1) {
    rig.batch.endAll({ cause: 'killed', rawState: 'FAILED', exitCode: 137 });
    await advanceJob(rig.process(), pass(job));
    if (isFinalJobState((await readMeta(rig.process().state, job))?.state ?? 'RUNNING')) return job;
    await rig.work(job, (task) => task.id === '000002');
    rig.clock.skip(3_600_000);
  }
  throw new Error('the job did not end');
}

/** Items 1 and 3 of task 1, and all of the task that was given up. */
async function choose(rig: Rig, job: JobId): Promise<RedoTask[]> {
  const tasks = await rig.tasks(job);
  return tasks
    .filter(({ id }) => id === '000001' || id === '000002')
    .map((task) => ({
      task: task.id,
      seen: {
        state: task.state,
        generation: task.generation,
        attempts: task.attempts,
        ...(task.win === undefined ? {} : { winner: task.win.attempt }),
      },
      items: task.win === undefined ? '0-4' : '1,3',
      carried: task.win === undefined ? 0 : 3,
      base: task.win === undefined ? null : { kind: 'winner', attempt: task.win.attempt, sha256: 'x' },
      needs: task.win === undefined ? { memoryBytes: 2e9 } : null,
    }));
}

const requestOf = (rig: Rig, job: JobId): RedoRequest => ({
  ...pass(job),
  choose: async () => ({ tasks: await choose(rig, job), carriedItems: 10, text: 'seven items again' }),
});

async function retryUntilCrash(rig: Rig, job: JobId, plan: CrashPlan | null): Promise<number> {
  const crash = createCrashSwitch(plan);
  try {
    await redoJob(rig.process(crash), requestOf(rig, job));
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  }
  return crash.calls();
}

async function expectRedone(rig: Rig, job: JobId, at: string): Promise<void> {
  const { state, store } = rig.process();
  const meta = await readMeta(state, job);
  const tasks = await rig.tasks(job);
  const seen = { meta, tasks };
  expect(seen, at).toMatchObject({
    meta: { state: 'COMPLETED', generation: 1, stage: 'ready', carriedItems: 10 },
    tasks: [
      { state: 'DONE', generation: 0 },
      { state: 'DONE', generation: 1, redo: true, checkpointSeen: 3, charged: 1 },
      { state: 'DONE', generation: 1, redo: true, checkpointSeen: 0, charged: 1, needs: { memoryBytes: 2e9 } },
      { state: 'DONE', generation: 0 },
    ],
  });
  for (const one of tasks.slice(1, 3)) expect(one.attemptsBefore, at).toBe(one.attempts - 1);
  const record = await store.get(redoKey(job, 1, tasks[1]?.id as RedoTask['task']));
  expect(JSON.parse(new TextDecoder().decode(record ?? new Uint8Array())), at).toMatchObject({ items: '1,3' });
  const events = [];
  for await (const { item } of state.query(jobPartition(job), EVENT_PREFIX)) events.push(item['text']);
  expect(events, at).toEqual(['seven items again']);
  expect(
    (await knownJobs(state)).map(({ live }) => live),
    at,
  ).toEqual([false]);
  const rows = await readSubmissions(state, job);
  expect(
    rows.filter((row) => row.state === 'INTENT' || row.state === 'SUBMITTED'),
    at,
  ).toEqual([]);
}

/** An attempt that was given up commits after all. */
async function commitLate(rig: Rig, job: JobId, { task, seen }: RedoTask): Promise<void> {
  const win = { attempt: '99_0.0', sha256: '', rows: 5, succeeded: 5, failed: 0 };
  const when = { op: 'equals', path: 'generation', value: seen.generation } as const;
  await rig.process().state.write(taskKey(job, task, 1), { set: { state: 'DONE', win } }, when);
}

describe('a retry that dies', () => {
  it('anywhere either has changed nothing or is finished by advance', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      const count = retryRig(join(root, 'count'));
      const counted = await endedJob(count);
      const calls = await retryUntilCrash(count, counted, null);
      expect(calls).toBeGreaterThan(20);
      await toTheEnd(count, counted);
      await expectRedone(count, counted, 'not killed');
      let reopened = 0;
      // What a death before the next call leaves behind is the same.
      for (let at = 0; at < calls; at += 1) {
        const rig = retryRig(join(root, String(at)));
        const job = await endedJob(rig);
        await retryUntilCrash(rig, job, { at, when: 'after' });
        const where = `after a death in call ${at}`;
        const meta = await readMeta(rig.process().state, job);
        if (meta?.generation === 0) {
          expect(meta, where).toMatchObject({ state: 'FAILED', stage: 'ready' });
          expect(
            (await rig.tasks(job)).every(({ generation }) => generation === 0),
            where,
          ).toBe(true);
          await advanceJob(rig.process(), pass(job));
          expect(
            (await knownJobs(rig.process().state)).map(({ live }) => live),
            where,
          ).toEqual([false]);
          // The same command again is a retry like any other.
          await redoJob(rig.process(), requestOf(rig, job));
        } else reopened += 1;
        await toTheEnd(rig, job);
        await expectRedone(rig, job, where);
      }
      expect(reopened).toBeGreaterThan(calls / 2);
    }),
  );

  it('anywhere can be cancelled, and then nothing stays claimable', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      const count = retryRig(join(root, 'count'));
      const calls = await retryUntilCrash(count, await endedJob(count), null);
      for (let at = 0; at < calls; at += 4) {
        const rig = retryRig(join(root, String(at)));
        const job = await endedJob(rig);
        await retryUntilCrash(rig, job, { at, when: 'after' });
        if ((await readMeta(rig.process().state, job))?.generation === 0) continue;
        await cancelJob(rig.process(), job, 'enough');
        await advanceJob(rig.process(), pass(job));
        expect(await readMeta(rig.process().state, job)).toMatchObject({ state: 'CANCELLED', stage: 'ready' });
        const states = (await rig.tasks(job)).map(({ state }) => state);
        expect(states.filter((state) => state === 'PENDING' || state === 'RUNNING' || state === 'WAIT')).toEqual([]);
        // What was opened and cancelled, and what was not opened yet, can be retried once more.
        await redoJob(rig.process(), requestOf(rig, job));
        await toTheEnd(rig, job);
        expect(await readMeta(rig.process().state, job)).toMatchObject({ state: 'COMPLETED', generation: 2 });
      }
    }),
  );
});

describe('a retry', () => {
  it('leaves a task alone that was committed late, after it was chosen', () =>
    withTempDir(async (root) => {
      const rig = retryRig(root);
      const job = await endedJob(rig);
      await redoJob(rig.process(), {
        ...pass(job),
        choose: async () => {
          const tasks = await choose(rig, job);
          await commitLate(rig, job, tasks[1] as RedoTask);
          return { tasks, carriedItems: 10, text: 'again' };
        },
      });
      await toTheEnd(rig, job);
      const tasks = await rig.tasks(job);
      expect(tasks.map(({ state, generation }) => [state, generation])).toEqual([
        ['DONE', 0],
        ['DONE', 1],
        ['DONE', 0],
        ['DONE', 0],
      ]);
    }));

  it('changes nothing when nothing is chosen, or when no element could have what is asked for', () =>
    withTempDir(async (root) => {
      const rig = retryRig(root);
      const job = await endedJob(rig);
      const before = [await readMeta(rig.process().state, job), await rig.tasks(job)];
      expect(await redoJob(rig.process(), { ...pass(job), choose: async () => null })).toEqual({
        reopened: null,
        advanced: null,
      });
      const deps = rig.process();
      const refused = new AppError('BATCH_REFUSED', { message: 'no node has that much' });
      const limits: typeof deps.batch.limits = (wanted) =>
        wanted.resources.memoryBytes > 1e9 ? Promise.reject(refused) : deps.batch.limits(wanted);
      const small = { ...deps, batch: { ...deps.batch, limits } };
      await expect(redoJob(small, requestOf(rig, job))).rejects.toBe(refused);
      expect([await readMeta(rig.process().state, job), await rig.tasks(job)]).toEqual(before);
    }));

  it('keeps a paused job paused, and its tasks wait for the resume', () =>
    withTempDir(async (root) => {
      const rig = retryRig(root);
      const { job } = await submitJob(rig.process(), rig.wanted, { patienceMs: 0 });
      await rig.work(job, (task) => task.id === '000003');
      await pauseJob(rig.process(), job, { now: false });
      const tasks = (await choose(rig, job)).slice(0, 1);
      await redoJob(rig.process(), {
        ...pass(job),
        choose: async () => ({ tasks, carriedItems: 0, text: 'again' }),
      });
      const meta = await readMeta(rig.process().state, job);
      expect(meta).toMatchObject({ state: 'PAUSED', generation: 1, stage: 'ready' });
      expect((await rig.tasks(job))[1]).toMatchObject({ state: 'PENDING', generation: 1 });
    }));

  it('refuses a job that is still being submitted', () =>
    withTempDir(async (root) => {
      const rig = retryRig(root);
      const crash = createCrashSwitch({ at: 12, when: 'after' });
      await submitJob(rig.process(crash), rig.wanted, { patienceMs: 0 }).catch(() => undefined);
      const [known] = await knownJobs(rig.process().state);
      const job = known?.id as JobId;
      await expect(redoJob(rig.process(), requestOf(rig, job))).rejects.toMatchObject({ code: 'JOB_BAD_STATE' });
    }));
});

it('an event is written once, whoever finishes the retry', () =>
  withTempDir(async (root) => {
    const rig = retryRig(root);
    const job = await endedJob(rig);
    await redoJob(rig.process(), requestOf(rig, job));
    const { state } = rig.process();
    const meta = await readMeta(state, job);
    expect(await state.get(jobEventKey(job, meta?.lastEvent?.id ?? ''))).toMatchObject({ kind: 'retry' });
  }));
