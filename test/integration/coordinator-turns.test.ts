import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { discardJob } from '../../src/coordinator/create-job.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { pauseJob } from '../../src/coordinator/pause.ts';
import { redoJob } from '../../src/coordinator/redo.ts';
import { resumeJob } from '../../src/coordinator/resume.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import type { Task } from '../../src/coordinator/task-list.ts';
import { leaveTurn, readTurns } from '../../src/coordinator/turns.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { createCrashSwitch, SimulatedCrash } from '../support/crash.ts';
import { withTempDir } from '../support/temp-dir.ts';

const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });
const nightly = (root: string, max = 1): Rig =>
  createRig(root, { spec: { concurrency: { group: 'nightly', max, source: 'job.yaml' } } });
const submit = async (rig: Rig): Promise<JobId> => (await submitJob(rig.process(), rig.wanted, { patienceMs: 0 })).job;
const metaOf = (rig: Rig, job: JobId) => readMeta(rig.process().state, job);

type Accepted = Rig['batch']['accepted'][number];
const isArray = ({ request }: Accepted): boolean => request.array !== undefined;
const isAlive = (rig: Rig, { handle }: Accepted): boolean => !rig.batch.isEnded(handle.id);
const jobOf = ({ request }: Accepted): JobId => request.name.slice(0, request.name.lastIndexOf('.')) as JobId;
const aliveOf = (rig: Rig, job: JobId) => rig.batch.accepted.filter((one) => jobOf(one) === job && isAlive(rig, one));

/** Jobs with an element that waits or runs. */
const running = (rig: Rig): Set<JobId> =>
  new Set(rig.batch.accepted.filter((one) => isArray(one) && isAlive(rig, one)).map(jobOf));

/** What Slurm does with a job that is due: it runs a pass, and ends. */
async function runFinaliser(rig: Rig, one: Accepted, deps: CoordinatorDeps = rig.process()): Promise<void> {
  try {
    await advanceJob({ ...deps, ownBatchJobId: one.handle.id }, pass(jobOf(one)));
  } catch (error) {
    if (!(error instanceof SimulatedCrash)) throw error;
  } finally {
    rig.batch.end(one.handle.id);
  }
}

/** Elements work and end, and what waits for them starts; where nothing else is left, time passes. Nobody types anything. False: nothing was left. */
async function letSlurmRun(rig: Rig, max: number): Promise<boolean> {
  expect(running(rig).size).toBeLessThanOrEqual(max);
  const alive = rig.batch.accepted.filter((one) => isAlive(rig, one));
  const arrays = alive.filter((one) => isArray(one) && !rig.batch.held.has(one.handle.id));
  for (const one of arrays) {
    await rig.work(jobOf(one));
    rig.batch.end(one.handle.id);
  }
  const isDue = ({ request }: Accepted) => (request.after ?? []).every(({ id }) => rig.batch.isEnded(id));
  const waiting = alive.filter((one) => !isArray(one) && isDue(one));
  const now = waiting.filter(({ request }) => request.beginAfterSec === undefined);
  const due = now.length > 0 || arrays.length > 0 ? now : waiting.slice(0, 1);
  for (const one of due) {
    rig.clock.skip((one.request.beginAfterSec ?? 0) * 1_000);
    if (isAlive(rig, one)) await runFinaliser(rig, one);
    expect(running(rig).size).toBeLessThanOrEqual(max);
  }
  return arrays.length + due.length > 0;
}

async function untilOver(rig: Rig, jobs: readonly JobId[], max = 1): Promise<void> {
  for (let round = 0; round < 60; round += 1) {
    const metas = await Promise.all(jobs.map((job) => metaOf(rig, job)));
    if (metas.every((meta) => meta !== null && isFinalJobState(meta.state))) return;
    expect(await letSlurmRun(rig, max), JSON.stringify(metas.map((meta) => [meta?.state, meta?.waitingFor]))).toBe(
      true,
    );
  }
  throw new Error('the jobs did not end');
}

describe('jobs of one group', () => {
  it('wait for each other, say for whom, and start by themselves in the order of their submission', () =>
    withTempDir(async (root) => {
      const rig = nightly(root);
      const [first, second, third] = [await submit(rig), await submit(rig), await submit(rig)];
      expect(running(rig)).toEqual(new Set([first]));
      expect(await metaOf(rig, second)).toMatchObject({
        state: 'SUBMITTING',
        waitingFor: `waits for job ${first} (group nightly, max 1)`,
      });
      expect((await metaOf(rig, third))?.waitingFor).toBe(
        `waits for job ${first} (group nightly, max 1); 1 job is before it`,
      );
      const [waiter, ...others] = aliveOf(rig, second);
      expect(others).toEqual([]);
      expect(waiter?.request.after).toEqual(aliveOf(rig, first).map(({ handle }) => handle));
      await untilOver(rig, [first, second, third]);
      expect(rig.aggregated).toEqual([first, second, third]);
      expect(await readTurns(rig.process().state, 'nightly')).toMatchObject({ holders: [], line: [] });
      expect(rig.batch.accepted.filter((one) => isAlive(rig, one))).toEqual([]);
      // Nothing is asked of Slurm again and again: each job woke up once for each end, at the most.
      expect(rig.batch.accepted.filter((one) => !isArray(one)).length).toBeLessThanOrEqual(8);
    }));

  it('run two at a time where the group allows two, and each end is noticed', () =>
    withTempDir(async (root) => {
      const rig = nightly(root, 2);
      const jobs = [await submit(rig), await submit(rig), await submit(rig), await submit(rig)];
      expect(running(rig)).toEqual(new Set(jobs.slice(0, 2)));
      const watched = aliveOf(rig, jobs[2] as JobId).map(({ request }) => request.after);
      expect(watched).toEqual(jobs.slice(0, 2).map((job) => aliveOf(rig, job).map(({ handle }) => handle)));
      await untilOver(rig, jobs, 2);
    }));

  it('start also where Slurm takes no dependency, after a while', () =>
    withTempDir(async (root) => {
      const rig = nightly(root);
      const first = await submit(rig);
      const deps = rig.process();
      const submitTo = deps.batch.submit.bind(deps.batch);
      const picky = async (request: Parameters<typeof submitTo>[0]) => {
        if (request.after !== undefined) throw new AppError('BATCH_REFUSED', { message: 'Job dependency problem' });
        return submitTo(request);
      };
      const { job: second } = await submitJob({ ...deps, batch: { ...deps.batch, submit: picky } }, rig.wanted, {
        patienceMs: 0,
      });
      expect(aliveOf(rig, second).map(({ request }) => [request.after, request.beginAfterSec])).toEqual([
        [undefined, 60],
      ]);
      await untilOver(rig, [first, second]);
    }));

  it('take over from a job that was cancelled when its elements have ended, not before', () =>
    withTempDir(async (root) => {
      const rig = nightly(root);
      const [first, second] = [await submit(rig), await submit(rig)];
      const deps = rig.process();
      // Told to end, and still at it.
      await cancelJob({ ...deps, batch: { ...deps.batch, cancel: async () => undefined } }, first, 'not needed');
      rig.clock.skip(300_000);
      await advanceJob(rig.process(), pass(second));
      expect(running(rig)).toEqual(new Set([first]));
      expect((await metaOf(rig, second))?.waitingFor).toContain(first);
      for (const one of aliveOf(rig, first)) rig.batch.end(one.handle.id);
      await advanceJob(rig.process(), pass(second));
      expect(running(rig)).toEqual(new Set([second]));
    }));

  it('do not wait for a job that was removed, nor behind one that was cancelled or paused in the line', () =>
    withTempDir(async (root) => {
      const rig = nightly(root);
      const [first, second, third, fourth] = [
        await submit(rig),
        await submit(rig),
        await submit(rig),
        await submit(rig),
      ];
      await cancelJob(rig.process(), second, 'not needed');
      expect((await readTurns(rig.process().state, 'nightly')).line.map(({ job }) => job)).toEqual([third, fourth]);
      await pauseJob(rig.process(), third, { now: false });
      for (const one of aliveOf(rig, first)) rig.batch.end(one.handle.id);
      await discardJob(rig.process(), first);
      await advanceJob(rig.process(), pass(fourth));
      expect(running(rig)).toEqual(new Set([fourth]));
      await untilOver(rig, [fourth]);
      await resumeJob(rig.process(), pass(third));
      expect(running(rig)).toEqual(new Set([third]));
      await untilOver(rig, [third]);
    }));

  it('keep their turn while they are paused, which those who wait are told', () =>
    withTempDir(async (root) => {
      const rig = nightly(root);
      const [first, second] = [await submit(rig), await submit(rig)];
      await pauseJob(rig.process(), first, { now: false });
      await advanceJob(rig.process(), pass(second));
      expect((await metaOf(rig, second))?.waitingFor).toBe(
        `waits for job ${first}, which is paused (group nightly, max 1)`,
      );
      expect(running(rig)).toEqual(new Set([first]));
      await resumeJob(rig.process(), pass(first));
      await untilOver(rig, [first, second]);
    }));

  it('need a turn again when they are retried', () =>
    withTempDir(async (root) => {
      const rig = nightly(root);
      const first = await submit(rig);
      await untilOver(rig, [first]);
      const second = await submit(rig);
      const { advanced } = await retryFirstTask(rig, first);
      expect(advanced?.meta).toMatchObject({
        state: 'RUNNING',
        waitingFor: `waits for job ${second} (group nightly, max 1)`,
      });
      expect(running(rig)).toEqual(new Set([second]));
      await untilOver(rig, [first, second]);
      expect(rig.aggregated).toEqual([first, second, first]);
    }));

  it('take their turns one by one when all come at once, and when answers get lost', () =>
    withTempDir(async (root) => {
      const rig = nightly(root, 2);
      const forgetful = (): CoordinatorDeps => {
        const deps = rig.process();
        let writes = 0;
        return {
          ...deps,
          state: {
            ...deps.state,
            async write(key, ...args) {
              const result = await deps.state.write(key, ...args);
              if (key.sort !== 'TURNS' || (writes += 1) > 1) return result;
              throw new AppError('STATE_UNCERTAIN', { message: 'no answer' });
            },
          },
        };
      };
      const jobs = await Promise.all(
        Array.from({ length: 6 }, async () => (await submitJob(forgetful(), rig.wanted, { patienceMs: 0 })).job),
      );
      expect(running(rig).size).toBe(2);
      const { holders, line } = await readTurns(rig.process().state, 'nightly');
      expect(new Set([...holders, ...line].map(({ job }) => job))).toEqual(new Set(jobs));
      expect([holders.length, line.length]).toEqual([2, 4]);
      await untilOver(rig, jobs, 2);
    }));

  it('keep a turn that a retry has taken, whoever wakes up late and believes the job is over', () =>
    withTempDir(async (root) => {
      const rig = nightly(root);
      const [first, second] = [await submit(rig), await submit(rig)];
      const deps = rig.process();
      await cancelJob({ ...deps, batch: { ...deps.batch, cancel: async () => undefined } }, first, 'not needed');
      for (const one of aliveOf(rig, first)) rig.batch.end(one.handle.id);
      expect((await readTurns(deps.state, 'nightly')).holders.map(({ job }) => job)).toEqual([first]);
      const ended = await metaOf(rig, first);
      let isRetried = false;
      const late: CoordinatorDeps = {
        ...deps,
        batch: {
          ...deps.batch,
          async states(handles) {
            const seen = await deps.batch.states(handles);
            if (!isRetried) {
              isRetried = true;
              await retryFirstTask(rig, first);
            }
            return seen;
          },
        },
      };
      await leaveTurn(late, first, ended as JobMeta);
      expect(isRetried).toBe(true);
      await advanceJob(rig.process(), pass(second));
      expect(running(rig)).toEqual(new Set([first]));
      await untilOver(rig, [first, second]);
    }));

  it('go on wherever the pass that ends a job dies, and never run together', () =>
    withTempDir(async (root) => {
      await sweep(root, async (rig, crash, at) => {
        const [first, second] = [await submit(rig), await submit(rig)];
        await rig.work(first);
        const finaliser = aliveOf(rig, first).find((one) => !isArray(one)) as Accepted;
        for (const one of aliveOf(rig, first).filter(isArray)) rig.batch.end(one.handle.id);
        await runFinaliser(rig, finaliser, rig.process(crash));
        expect(running(rig).size, at).toBeLessThanOrEqual(1);
        // What waits for the job looks, and whoever comes by goes on with the job itself.
        await letSlurmRun(rig, 1);
        await advanceJob(rig.process(), pass(first));
        await untilOver(rig, [first, second]);
      });
    }));

  it('go on wherever the pass that takes a turn dies, and never run together', () =>
    withTempDir(async (root) => {
      await sweep(root, async (rig, crash, at) => {
        const [first, second] = [await submit(rig), await submit(rig)];
        const waiter = aliveOf(rig, second)[0] as Accepted;
        while (aliveOf(rig, first).length > 0) await runOnly(rig, first);
        await runFinaliser(rig, waiter, rig.process(crash));
        const third = await submit(rig);
        expect(running(rig).size, at).toBeLessThanOrEqual(1);
        await advanceJob(rig.process(), pass(second));
        await untilOver(rig, [second, third]);
      });
    }));
});

async function retryFirstTask(rig: Rig, job: JobId): ReturnType<typeof redoJob> {
  const task = (await rig.tasks(job))[0] as Task;
  const { state, generation, attempts, win } = task;
  const seen = { state, generation, attempts, ...(win === undefined ? {} : { winner: win.attempt }) };
  return redoJob(rig.process(), {
    ...pass(job),
    choose: async () => ({
      tasks: [{ task: task.id, seen, items: '0-4', carried: 0, base: null, needs: null }],
      carriedItems: 15,
      text: 'again',
    }),
  });
}

/** Kills a pass at every seventh of its calls, before and after it, each time in a world of its own. */
async function sweep(
  root: string,
  story: (rig: Rig, crash: ReturnType<typeof createCrashSwitch>, at: string) => Promise<void>,
): Promise<void> {
  const whole = createCrashSwitch(null);
  await story(nightly(`${root}/whole`), whole, 'whole');
  expect(whole.calls()).toBeGreaterThan(20);
  for (const when of ['before', 'after'] as const)
    for (let at = when === 'before' ? 0 : 1; at < whole.calls(); at += 7)
      await story(nightly(`${root}/${when}-${at}`), createCrashSwitch({ at, when }), `${when} ${at}`);
}

async function runOnly(rig: Rig, job: JobId): Promise<void> {
  for (const one of aliveOf(rig, job))
    if (isArray(one)) {
      await rig.work(job);
      rig.batch.end(one.handle.id);
    } else await runFinaliser(rig, one);
}
