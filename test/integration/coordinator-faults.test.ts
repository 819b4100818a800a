import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { knownJobs } from '../../src/app/find-job.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { followJob } from '../../src/app/follow-job.ts';
import { tickAll } from '../../src/app/tick-all.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { acquireLease, advanceLeaseName } from '../../src/coordinator/lease.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { jobRequestKey } from '../../src/domain/keys.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import type { BatchSystem } from '../../src/ports/batch-system.ts';
import { createCrashSwitch, SimulatedCrash } from '../support/crash.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { openSpillPlaces } from '../support/spill-places.ts';
import { withTempDir } from '../support/temp-dir.ts';

const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });
const OPTIONS = { patienceMs: 0 };

/** The only job there is. */
async function onlyJob(rig: Rig): Promise<JobId> {
  const [job] = await knownJobs(rig.process().state);
  if (job === undefined) throw new Error('there is no job');
  return job.id;
}

/** `deps` whose batch system lets something happen right before it accepts the first submission. */
function withBeforeSubmit(deps: CoordinatorDeps, happen: () => Promise<unknown>): CoordinatorDeps {
  let first = true;
  const batch: BatchSystem = {
    ...deps.batch,
    async submit(request) {
      const now = first;
      first = false;
      if (now) await happen();
      return deps.batch.submit(request);
    },
  };
  return { ...deps, batch };
}

const arraysOf = (rig: Rig) => rig.batch.accepted.filter(({ request }) => request.array !== undefined);

describe('a submit that sleeps while another process takes its job over', () => {
  it('leaves the job alone when it wakes up before the tasks are stored', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const asleep = rig.process();
      let taken = false;
      const store = {
        ...asleep.store,
        async put(...args: Parameters<typeof asleep.store.put>) {
          if (args[0].includes('/batches/') && !taken) {
            taken = true;
            const job = await onlyJob(rig);
            await advanceJob(rig.process(), pass(job));
          }
          return asleep.store.put(...args);
        },
      };
      await expect(submitJob({ ...asleep, store }, rig.wanted, OPTIONS)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      const job = await onlyJob(rig);
      const { state, store: stored } = rig.process();
      expect(await readMeta(state, job)).toMatchObject({ state: 'RUNNING', tasks: 4 });
      expect(await stored.head(jobRequestKey(job))).not.toBeNull();
      expect(await rig.tasks(job)).toHaveLength(4);
    }));

  it('does not remove a job that was cancelled meanwhile', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const asleep = rig.process();
      const store = {
        ...asleep.store,
        async put(...args: Parameters<typeof asleep.store.put>) {
          if (args[0].endsWith('/manifest.json')) await cancelJob(asleep, await onlyJob(rig), 'enough');
          return asleep.store.put(...args);
        },
      };
      await expect(submitJob({ ...asleep, store }, rig.wanted, OPTIONS)).rejects.toMatchObject({
        code: 'JOB_BAD_STATE',
      });
      expect(await readMeta(rig.process().state, await onlyJob(rig))).toMatchObject({ state: 'CANCELLED' });
    }));

  it('takes back an array that the other one has sent too', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const asleep = rig.process();
      const deps = withBeforeSubmit(asleep, async () => advanceJob(rig.process(), pass(await onlyJob(rig))));
      await expect(submitJob(deps, rig.wanted, OPTIONS)).rejects.toMatchObject({ code: 'LEASE_LOST' });
      const arrays = arraysOf(rig);
      expect(arrays).toHaveLength(2);
      const rows = await readSubmissions(rig.process().state, await onlyJob(rig));
      const known = rows.find((row) => row.kind === 'array')?.handle;
      const other = arrays.map(({ handle }) => handle.id).find((id) => id !== known);
      expect([...rig.batch.cancelled]).toEqual([other]);
    }));
});

/** A job that somebody cancels while a pass with these dependencies sends its next array. */
async function cancelledWhileItSends(root: string) {
  const rig = createRig(root);
  const { job } = await submitJob(rig.process(), rig.wanted, OPTIONS);
  rig.batch.endAll();
  rig.clock.skip(60_000);
  return { job, deps: withBeforeSubmit(rig.process(), () => cancelJob(rig.process(), job, 'enough')) };
}

describe('a cancel', () => {
  it('reaches an array that is accepted after it looked for it', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const deps = withBeforeSubmit(rig.process(), async () => cancelJob(rig.process(), await onlyJob(rig), 'enough'));
      await expect(submitJob(deps, rig.wanted, OPTIONS)).rejects.toMatchObject({ code: 'JOB_BAD_STATE' });
      expect([...rig.batch.cancelled]).toEqual(arraysOf(rig).map(({ handle }) => handle.id));
      expect(arraysOf(rig)).toHaveLength(1);
    }));

  it('that overtakes a pass lets it end with the state of the job, not with an error', () =>
    withTempDir(async (root) => {
      const { deps, job } = await cancelledWhileItSends(root);
      const { meta, nextDueMs } = await advanceJob(deps, pass(job));
      expect(meta).toMatchObject({ state: 'CANCELLED', reason: 'enough' });
      expect(nextDueMs).toBeNull();
    }));

  it('that overtakes a pass ends whoever follows the job with its state, not with an error', () =>
    withTempDir(async (root) => {
      const { deps, job } = await cancelledWhileItSends(root);
      const drivers = { ...deps, spills: async () => openSpillPlaces(root, deps.ids) };
      const left: string[] = [];
      const afterPass = async ({ meta }: { readonly meta: JobMeta }): Promise<void> => {
        await readMeta(deps.state, job);
        left.push(meta.state);
      };
      const status = await followJob(drivers as unknown as Drivers, deps, { job, afterPass });
      expect(status.job).toMatchObject({ state: 'CANCELLED', reason: 'enough' });
      expect(left).toEqual(['CANCELLED']);
    }));
});

describe('a cancel that dies', () => {
  it('anywhere is finished by the next pass', { timeout: 60_000 }, () =>
    withTempDir(async (root) => {
      let died = true;
      for (let at = 0; died; at += 1) {
        const rig = createRig(join(root, String(at)));
        // The answer of sbatch is lost together with the submitting process.
        const batch: BatchSystem = {
          ...rig.batch,
          async submit(request) {
            await rig.batch.submit(request);
            throw new SimulatedCrash('after sbatch');
          },
        };
        await expect(submitJob({ ...rig.process(), batch }, rig.wanted, OPTIONS)).rejects.toThrow(SimulatedCrash);
        const job = await onlyJob(rig);
        const crash = createCrashSwitch({ at, when: 'before' });
        died = await cancelJob(rig.process(crash), job, 'enough').then(
          () => false,
          () => true,
        );
        const deps = rig.process();
        const meta = await readMeta(deps.state, job);
        if (meta?.state !== 'CANCELLED') continue;
        await advanceJob(deps, pass(job));
        const tasks = (await rig.tasks(job)).map((task) => task.state);
        expect(tasks, `died at ${at}`).toEqual(Array.from({ length: 4 }, () => 'CANCELLED'));
        expect([...rig.batch.cancelled], `died at ${at}`).toEqual(arraysOf(rig).map(({ handle }) => handle.id));
        expect((await knownJobs(deps.state)).map((known) => known.live)).toEqual([false]);
      }
    }),
  );
});

describe('a process that died on another host while it held the lease', () => {
  const onAnotherHost = (deps: CoordinatorDeps): CoordinatorDeps => ({
    ...deps,
    host: { ...deps.host, mayBeAlive: () => true },
  });

  async function jobWithDeadHolder(rig: Rig): Promise<JobId> {
    const { job } = await submitJob(rig.process(), rig.wanted, OPTIONS);
    await rig.work(job);
    rig.batch.endAll();
    await acquireLease(rig.process(), { name: advanceLeaseName(job), waitMs: 0 });
    return job;
  }

  it('does not keep a tick from the job', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await jobWithDeadHolder(rig);
      const deps = onAnotherHost(rig.process());
      const tick = await tickAll(deps as unknown as Drivers, async () => deps);
      expect(tick.jobs).toMatchObject([{ jobId: job, state: 'COMPLETED', error: null }]);
    }));

  it('is told from one that lives and renews', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await jobWithDeadHolder(rig);
      const deps = onAnotherHost(rig.process());
      const key = { partition: `L#advance:${job}`, sort: 'LOCK' };
      let renewals = 0;
      const clock = {
        ...deps.clock,
        async sleep(ms: number) {
          renewals += 1;
          await deps.state.write(key, { set: { nonce: `renewed-${renewals}` } }, { op: 'item-present' });
          await deps.clock.sleep(ms);
        },
      };
      const alive = { ...deps, clock };
      const tick = await tickAll(alive as unknown as Drivers, async () => alive);
      expect(tick.jobs).toMatchObject([
        { state: 'RUNNING', steps: [expect.stringContaining(' is held by process ')], error: null },
      ]);
      expect(renewals).toBeLessThan(3);
    }));
});

describe('a task that its worker handed back after SIGTERM', () => {
  it('gets the cause that the batch system knows', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const { job } = await submitJob(rig.process(), rig.wanted, OPTIONS);
      const { state } = rig.process();
      const owner = `${arraysOf(rig)[0]?.handle.id}_0.0`;
      const released = {
        state: 'WAIT',
        cause: 'preempted',
        causeDetail: 'told to stop',
        owner,
        attempts: 1,
        charged: 1,
      };
      for (const task of await rig.tasks(job))
        await state.write(taskKey(job, task.id, 1), { set: released }, { op: 'item-present' });
      rig.batch.endAll({ cause: 'cancelled-by-user', rawState: 'CANCELLED by 1000' });
      await advanceJob(rig.process(), pass(job));
      const task = { state: 'WAIT', cause: 'cancelled-by-user', charged: 1, notBeforeMs: expect.any(Number) };
      expect(await rig.tasks(job)).toMatchObject(Array.from({ length: 4 }, () => task));
    }));
});
