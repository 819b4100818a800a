import { describe, expect, it } from 'vitest';
import { advanceDocument } from '../../src/app/advance-document.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import type { AttemptId, JobId } from '../../src/domain/ids.ts';
import { metaKey, taskKey } from '../../src/domain/state-keys.ts';
import type { TaskItem } from '../../src/domain/task-item.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { BatchSystem } from '../../src/ports/batch-system.ts';
import type { StateValue } from '../../src/ports/state-table.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });
const submit = async (rig: Rig): Promise<JobId> => (await submitJob(rig.process(), rig.wanted, { patienceMs: 0 })).job;

const isArray = ({ request }: Rig['batch']['accepted'][number]): boolean => request.array !== undefined;
const finalisersOf = (rig: Rig) => rig.batch.accepted.filter((one) => !isArray(one));
const arraysOf = (rig: Rig) => rig.batch.accepted.filter(isArray);

/** `deps` in a process that runs inside the finaliser that was queued last. */
function inFinaliser(rig: Rig): CoordinatorDeps {
  return { ...rig.process(), ownBatchJobId: finalisersOf(rig).at(-1)?.handle.id ?? null };
}

const timesOf = (rig: Rig) => finalisersOf(rig).map(({ request }) => request.beginAfterSec);

const COMMITTED: Partial<TaskItem> = {
  state: 'DONE',
  win: { attempt: 'x' as AttemptId, sha256: '', rows: 5, succeeded: 5, failed: 0 },
};

/** A job whose elements have each begun a task, and have all ended. */
async function submitAndEnd(rig: Rig, how?: Parameters<Rig['batch']['endAll']>[0]): Promise<JobId> {
  const job = await submit(rig);
  await rig.work(job, () => true);
  rig.batch.endAll(how);
  return job;
}

async function setTask(rig: Rig, job: JobId, fields: Partial<TaskItem>, number = 0): Promise<void> {
  const task = (await rig.tasks(job))[number];
  await rig
    .process()
    .state.write(
      taskKey(job, task?.id as never, 1),
      { set: fields as Record<string, StateValue> },
      { op: 'item-present' },
    );
}

const setState = (rig: Rig, job: JobId, state: 'PAUSED' | 'RUNNING') =>
  rig.process().state.write(metaKey(job), { set: { state } }, { op: 'item-present' });

/** No move of a task is ever known to have been made, and none is. */
const doubtful = (state: CoordinatorDeps['state']): CoordinatorDeps['state'] => ({
  ...state,
  write: async (...args) => {
    if (args[0].partition.includes('#T#')) throw new AppError('STATE_UNCERTAIN', { message: 'no answer' });
    return state.write(...args);
  },
});

const refusing = (deps: CoordinatorDeps, refuse: (isArrayRequest: boolean) => boolean): CoordinatorDeps => {
  const batch: BatchSystem = {
    ...deps.batch,
    async submit(request) {
      if (refuse(request.array !== undefined)) throw new AppError('BATCH_REFUSED', { message: 'not here' });
      return deps.batch.submit(request);
    },
  };
  return { ...deps, batch };
};

describe('the finaliser', () => {
  it('follows also a pass whose only write had an unknown outcome', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitAndEnd(rig, { cause: 'oom', rawState: 'OUT_OF_MEMORY' });
      const deps = inFinaliser(rig);
      const before = finalisersOf(rig).length;
      const { nextDueMs } = await advanceJob({ ...deps, state: doubtful(deps.state) }, pass(job));
      expect(nextDueMs).toBe(60_000);
      expect(finalisersOf(rig)).toHaveLength(before + 1);
    }));

  it('waits for time, not for arrays that nobody knows any more', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitAndEnd(rig, { phase: 'unknown', rawState: '' });
      await advanceJob(inFinaliser(rig), pass(job));
      const { request } = finalisersOf(rig).at(-1) as Rig['batch']['accepted'][number];
      expect([request.after, request.beginAfterSec]).toEqual([undefined, 60]);
    }));

  it('comes for a retry that is due while arrays live, too, and one with a time is enough', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submit(rig);
      await rig.work(job, () => true);
      rig.batch.run(arraysOf(rig)[0]?.handle.id as string, 3);
      await setTask(rig, job, { state: 'WAIT', attempts: 1, notBeforeMs: rig.clock.nowMs() + 90_000, charged: 1 });
      for (let round = 0; round < 3; round += 1) {
        await advanceJob(rig.process(), pass(job));
        rig.clock.skip(1_000);
      }
      expect(timesOf(rig)).toEqual([undefined, 600]);
      // The one that waits is early enough for whatever comes later.
      await setTask(rig, job, { state: 'WAIT', attempts: 1, notBeforeMs: rig.clock.nowMs() + 7_200_000, charged: 1 });
      await advanceJob(rig.process(), pass(job));
      expect(timesOf(rig)).toEqual([undefined, 600]);
    }));

  it('comes for a task that was handed back and not decided about, while arrays live', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submit(rig);
      await rig.work(job, () => true);
      rig.batch.run(arraysOf(rig)[0]?.handle.id as string, 3);
      await setTask(rig, job, { state: 'WAIT', attempts: 1, cause: 'handler-error', causeDetail: 'no' });
      const deps = rig.process();
      const { nextDueMs } = await advanceJob({ ...deps, state: doubtful(deps.state) }, pass(job));
      expect([nextDueMs, timesOf(rig)]).toEqual([60_000, [undefined, 600]]);
    }));

  it('that comes too late is replaced by an earlier one, and ends with the job', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitAndEnd(rig);
      const waitFor = (ms: number) =>
        setTask(rig, job, { state: 'WAIT', attempts: 1, notBeforeMs: rig.clock.nowMs() + ms, charged: 1 });
      for (const task of [1, 2, 3]) await setTask(rig, job, COMMITTED, task);
      await waitFor(7_200_000);
      await advanceJob(inFinaliser(rig), pass(job));
      await waitFor(7_150_000);
      await advanceJob(rig.process(), pass(job));
      expect(timesOf(rig)).toEqual([undefined, 7_200]);
      await waitFor(300_000);
      await advanceJob(rig.process(), pass(job));
      expect(timesOf(rig)).toEqual([undefined, 7_200, 300]);
      const [, late, early] = finalisersOf(rig).map(({ handle }) => handle.id) as [string, string, string];
      expect([rig.batch.cancelled.has(late), rig.batch.cancelled.has(early)]).toEqual([true, false]);
      const open = (await readSubmissions(rig.process().state, job)).filter((row) => row.state === 'SUBMITTED');
      expect(open.map(({ handle }) => handle)).toEqual([early]);
      await setTask(rig, job, COMMITTED);
      expect((await advanceJob(rig.process(), pass(job))).meta.state).toBe('COMPLETED');
      expect(rig.batch.cancelled.has(early)).toBe(true);
    }));

  it('that waited for a limit begins at the time that it is sent with in the end', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitAndEnd(rig);
      for (const task of [1, 2, 3]) await setTask(rig, job, COMMITTED, task);
      const retryIn = (ms: number) =>
        setTask(rig, job, { state: 'WAIT', attempts: 1, notBeforeMs: rig.clock.nowMs() + ms, charged: 1 });
      await retryIn(60_000);
      const deps = inFinaliser(rig);
      const submitLater: BatchSystem['submit'] = async () => {
        throw new AppError('BATCH_LIMIT', { message: 'too many jobs' });
      };
      await advanceJob({ ...deps, batch: { ...deps.batch, submit: submitLater } }, pass(job));
      rig.clock.skip(30_000);
      await retryIn(7_200_000);
      await advanceJob(deps, pass(job));
      await retryIn(300_000);
      await advanceJob(rig.process(), pass(job));
      expect(timesOf(rig)).toEqual([undefined, 7_200, 300]);
    }));

  it('that is refused takes nothing else down, and is not asked for again in the same wave', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      let asked = 0;
      const noFinaliser = (deps: CoordinatorDeps) =>
        refusing(deps, (isArrayRequest) => {
          asked += isArrayRequest ? 0 : 1;
          return !isArrayRequest;
        });
      const submitted = await submitJob(noFinaliser(rig.process()), rig.wanted, { patienceMs: 0 });
      expect(submitted).toMatchObject({
        meta: { state: 'RUNNING' },
        steps: [expect.anything(), expect.stringContaining('not here')],
      });
      for (let round = 0; round < 3; round += 1) await advanceJob(noFinaliser(rig.process()), pass(submitted.job));
      expect(asked).toBe(1);
    }));
});

describe('an array that has ended', () => {
  it.each(['RUNNING', 'PAUSED'] as const)(
    'is asked about until what it did is decided, when the answer of a write was lost and nothing written: %s',
    (jobState) =>
      withTempDir(async (root) => {
        const rig = createRig(root);
        const job = await submitAndEnd(rig, { cause: 'oom', rawState: 'OUT_OF_MEMORY' });
        const deps = rig.process();
        if (jobState === 'PAUSED') await setState(rig, job, 'PAUSED');
        await advanceJob({ ...deps, state: doubtful(deps.state) }, pass(job));
        rig.clock.skip(6 * 60_000);
        if (jobState === 'PAUSED') await setState(rig, job, 'RUNNING');
        await advanceJob(rig.process(), pass(job));
        expect((await rig.tasks(job)).map(({ cause }) => cause)).toEqual(Array.from({ length: 4 }, () => 'oom'));
        const [array] = await readSubmissions(deps.state, job);
        expect(array?.state).toBe('ENDED');
      }),
  );

  it('does not count as one that lives while it is asked about', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitAndEnd(rig, { cause: 'oom', rawState: 'OUT_OF_MEMORY' });
      const deps = inFinaliser(rig);
      await advanceJob({ ...deps, state: doubtful(deps.state) }, pass(job));
      expect(timesOf(rig)).toEqual([undefined, 60]);
    }));
});

describe('the record of an accepted array', () => {
  it('is written again when its outcome is unknown, and the array goes on', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const deps = rig.process();
      let doubtful = 2;
      const state: CoordinatorDeps['state'] = {
        ...deps.state,
        write: async (...args) => {
          if (args[1].set?.['handle'] !== undefined && (doubtful -= 1) >= 0)
            throw new AppError('STATE_UNCERTAIN', { message: 'no answer' });
          return deps.state.write(...args);
        },
      };
      const { job } = await submitJob({ ...deps, state }, rig.wanted, { patienceMs: 0 });
      const [row] = await readSubmissions(deps.state, job);
      expect(row).toMatchObject({ state: 'SUBMITTED', handle: arraysOf(rig)[0]?.handle.id });
      expect([arraysOf(rig).length, rig.batch.cancelled.size]).toEqual([1, 0]);
    }));
});

describe('a process that has time', () => {
  it('asks again when the batch system does not answer', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submit(rig);
      await rig.work(job);
      rig.batch.endAll();
      const deps = rig.process();
      let failures = 3;
      const states: BatchSystem['states'] = async (handles) => {
        failures -= 1;
        if (failures >= 0) throw new AppError('BATCH_UNREACHABLE', { message: 'busy' });
        return deps.batch.states(handles);
      };
      const busy = { ...deps, batch: { ...deps.batch, states } };
      await expect(advanceDocument(busy, { ...pass(job), waitLeaseMs: 0 })).rejects.toMatchObject({
        code: 'BATCH_UNREACHABLE',
      });
      expect(await advanceDocument(busy, { ...pass(job), waitLeaseMs: 60_000 })).toMatchObject({ state: 'COMPLETED' });
    }));
});

describe('the next wave', () => {
  it('is as wide as the partition, not as a guess', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { items: 100, batchItems: 1, slots: 90 });
      const job = await submit(rig);
      rig.batch.endAll();
      rig.clock.skip(60_000);
      await advanceJob(rig.process(), pass(job));
      expect(arraysOf(rig).map(({ request }) => request.array?.count)).toEqual([90, 90]);
    }));

  it('that is refused again and again costs no task', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submit(rig);
      rig.batch.endAll();
      const refused = refusing(rig.process(), (isArrayRequest) => isArrayRequest);
      for (let round = 0; round < 6; round += 1) {
        rig.clock.skip(120_000);
        await expect(advanceJob(refused, pass(job))).rejects.toMatchObject({ code: 'BATCH_REFUSED' });
      }
      expect((await rig.tasks(job)).map((task) => task.state)).toEqual(Array.from({ length: 4 }, () => 'PENDING'));
      expect(await readMeta(refused.state, job)).toMatchObject({ waitingFor: 'not here' });
      await advanceJob(rig.process(), pass(job));
      expect(arraysOf(rig)).toHaveLength(2);
    }));

  it('names who ended the elements that never got to a task', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submit(rig);
      for (let round = 0; round < 5; round += 1) {
        rig.batch.endAll({ cause: 'cancelled-by-user', rawState: 'CANCELLED' });
        rig.clock.skip(120_000);
        await advanceJob(rig.process(), pass(job));
      }
      expect(await rig.tasks(job)).toMatchObject(
        Array.from({ length: 4 }, () => ({ state: 'DEAD', cause: 'cancelled-by-user' })),
      );
    }));

  it('leaves retried tasks to every live element, also of earlier waves', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submit(rig);
      const { state } = rig.process();
      const key = taskKey(job, (await rig.tasks(job))[0]?.id as never, 1);
      await state.write(key, { set: { state: 'WAIT', notBeforeMs: 0 } }, { op: 'item-present' });
      await state.write({ partition: `J#${job}`, sort: 'META' }, { set: { submittedWave: 3 } }, { op: 'item-present' });
      await advanceJob(rig.process(), pass(job));
      expect(await state.get(key)).toMatchObject({ state: 'PENDING', wave: 0 });
    }));
});

describe('a submit of several arrays', () => {
  it('of which a later one is refused goes on with the others', () =>
    withTempDir(async (root) => {
      const rig = createRig(root, { items: 20, batchItems: 1, slots: 20 });
      const base = rig.process();
      let arrays = 0;
      const deps = refusing(base, (isArrayRequest) => isArrayRequest && (arrays += 1) > 1);
      const limits: BatchSystem['limits'] = async (request) => ({
        ...(await base.batch.limits(request)),
        maxArraySize: 10,
      });
      const batch = { ...deps.batch, limits };
      await expect(submitJob({ ...deps, batch }, rig.wanted, { patienceMs: 0 })).rejects.toMatchObject({
        code: 'BATCH_REFUSED',
      });
      const job = rig.batch.accepted[0]?.request.name.split('.')[0] as JobId;
      const rows = await readSubmissions(base.state, job);
      expect(rows.map((row) => row.state)).toEqual(['SUBMITTED', 'REJECTED']);
      expect(await readMeta(base.state, job)).toMatchObject({ state: 'RUNNING', submittedWave: 0 });
      expect(rig.batch.cancelled.size).toBe(0);
    }));
});
