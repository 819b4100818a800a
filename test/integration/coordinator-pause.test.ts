import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import { cancelJob } from '../../src/coordinator/cancel.ts';
import { readMeta } from '../../src/coordinator/job-meta.ts';
import { readEvents } from '../../src/coordinator/job-events.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { pauseJob } from '../../src/coordinator/pause.ts';
import { resumeJob } from '../../src/coordinator/resume.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { knownJobs } from '../../src/app/find-job.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { isFinalJobState } from '../../src/domain/states.ts';
import { isAppError } from '../../src/errors/app-error.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { createCrashSwitch, SimulatedCrash, type CrashPlan } from '../support/crash.ts';
import { withTempDir } from '../support/temp-dir.ts';

const OPTIONS = { patienceMs: 0 };
const pass = (job: JobId) => ({ job, waitLeaseMs: 60_000, patienceMs: 0 });
const metaOf = async (rig: Rig, job: JobId): Promise<JobMeta> => (await readMeta(rig.process().state, job)) as JobMeta;
const arrays = (rig: Rig) => rig.batch.accepted.filter(({ request }) => request.array !== undefined);
const heldArrays = (rig: Rig) =>
  arrays(rig).filter(({ handle }) => rig.batch.held.has(handle.id) && !rig.batch.isEnded(handle.id));

async function submitted(rig: Rig): Promise<JobId> {
  return (await submitJob(rig.process(), rig.wanted, OPTIONS)).job;
}

/** What cron and the elements do until the job is over. Held elements do nothing. */
async function carryOn(rig: Rig, job: JobId): Promise<JobMeta> {
  for (let round = 0; round < 20; round += 1) {
    await advanceJob(rig.process(), pass(job));
    const meta = await metaOf(rig, job);
    if (isFinalJobState(meta.state)) return meta;
    if (heldArrays(rig).length === 0) {
      await rig.work(job);
      rig.batch.endAll();
    }
    rig.clock.skip(60_000);
  }
  throw new Error(
    `the job did not end in 20 rounds: ${JSON.stringify([await metaOf(rig, job), await rig.tasks(job)])}`,
  );
}

/** Runs until the process dies as planned; errors that people would see are fine. */
async function untilCrash(act: (deps: CoordinatorDeps) => Promise<unknown>, rig: Rig, plan: CrashPlan | null) {
  const crash = createCrashSwitch(plan);
  try {
    await act(rig.process(crash));
  } catch (error) {
    if (!(error instanceof SimulatedCrash) && !isAppError(error)) throw error;
  }
  return { calls: crash.calls(), died: crash.crashed() };
}

describe('pause', () => {
  it('holds what waits, says what runs, and is told with its reason; resume lets it go on to its end', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      const [array] = arrays(rig);
      rig.batch.run(array?.handle.id as string, 1);
      const paused = await pauseJob(rig.process(), job, { reason: 'the file\nserver moves', now: false });
      expect(paused).toMatchObject({ changed: true, running: 1, waiting: 2, meta: { state: 'PAUSED' } });
      expect([...rig.batch.held]).toEqual([array?.handle.id]);
      expect(rig.batch.drained).toEqual([]);
      expect(await readEvents(rig.process().state, job, await metaOf(rig, job))).toMatchObject([
        { kind: 'pause', text: 'paused: the file server moves', by: 'ada@host' },
      ]);
      const resumed = await resumeJob(rig.process(), pass(job));
      expect(resumed).toMatchObject({ changed: true, drivenBy: null, meta: { state: 'RUNNING' } });
      expect(resumed.steps[0]).toBe(`released 2 waiting elements of ${array?.handle.id}`);
      expect(rig.batch.held.size).toBe(0);
      expect((await metaOf(rig, job)).pausedFrom).toBeUndefined();
      expect((await carryOn(rig, job)).state).toBe('COMPLETED');
      const events = await readEvents(rig.process().state, job, await metaOf(rig, job));
      expect(events.map(({ kind }) => kind)).toEqual(['pause', 'resume']);
    }));

  it('with --now also tells running elements to save and end, each time it is asked', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      const id = arrays(rig)[0]?.handle.id as string;
      rig.batch.run(id, 2);
      await pauseJob(rig.process(), job, { now: false });
      expect(await pauseJob(rig.process(), job, { now: true })).toMatchObject({ changed: false, running: 2 });
      expect(rig.batch.drained).toEqual([id]);
    }));

  it('of a paused job, and resume of a running one, change nothing', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      expect(await resumeJob(rig.process(), pass(job))).toMatchObject({ changed: false, meta: { state: 'RUNNING' } });
      await pauseJob(rig.process(), job, { now: false });
      const before = await metaOf(rig, job);
      expect(await pauseJob(rig.process(), job, { reason: 'again', now: false })).toMatchObject({ changed: false });
      expect(await metaOf(rig, job)).toEqual(before);
    }));

  it('is refused once there is nothing left to pause', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      await rig.work(job);
      rig.batch.endAll();
      const deps = rig.process();
      const aggregate: CoordinatorDeps['aggregate'] = async (request) => {
        await expect(pauseJob(deps, job, { now: false })).rejects.toMatchObject({
          code: 'JOB_BAD_STATE',
          message: expect.stringContaining('merges its output'),
        });
        return deps.aggregate(request);
      };
      expect((await advanceJob({ ...deps, aggregate }, pass(job))).meta.state).toBe('COMPLETED');
      await expect(pauseJob(deps, job, { now: true })).rejects.toMatchObject({ code: 'JOB_BAD_STATE' });
      await expect(resumeJob(deps, pass(job))).rejects.toMatchObject({ code: 'JOB_BAD_STATE' });
    }));

  it('keeps everybody else from submitting, and survives its finaliser', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      await pauseJob(rig.process(), job, { now: false });
      rig.batch.endAll();
      const sent = rig.batch.accepted.length;
      for (let round = 0; round < 4; round += 1) {
        expect((await advanceJob(rig.process(), pass(job))).meta.state).toBe('PAUSED');
        rig.clock.skip(20 * 60_000);
      }
      expect(rig.batch.accepted).toHaveLength(sent);
      // Nothing was claimed, and that says nothing about the elements: the next wave goes out at once.
      const resumed = await resumeJob(rig.process(), pass(job));
      expect(resumed.steps.join('\n')).toContain('submitted');
      expect(rig.batch.accepted.length).toBeGreaterThan(sent + 1);
      expect((await carryOn(rig, job)).state).toBe('COMPLETED');
    }));

  it('writes down what became of elements that died meanwhile', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      await rig.work(job, ({ id }) => id === '000001');
      await pauseJob(rig.process(), job, { now: false });
      rig.batch.endAll({ cause: 'node-fail', rawState: 'NODE_FAIL' });
      await advanceJob(rig.process(), pass(job));
      expect((await rig.tasks(job))[1]).toMatchObject({ state: 'WAIT', cause: 'node-fail' });
    }));

  it('is ended by cancel, held arrays included', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      await pauseJob(rig.process(), job, { now: false });
      await cancelJob(rig.process(), job, 'enough');
      const meta = await metaOf(rig, job);
      expect(meta).toMatchObject({ state: 'CANCELLED', reason: 'enough', lastEvent: { text: 'cancelled: enough' } });
      for (const { handle } of rig.batch.accepted) expect(rig.batch.cancelled.has(handle.id)).toBe(true);
      // What an administrator requeues while it ends could otherwise never start, and so never find out that the job is over.
      expect([...rig.batch.held]).toEqual([]);
      expect((await readEvents(rig.process().state, job, meta)).map(({ kind }) => kind)).toEqual(['pause', 'cancel']);
    }));
});

describe('a pause at any moment of a submit', () => {
  it('lets nothing start, and resume brings the job to its end with nothing sent twice', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      const counting = createRig(join(root, 'count'));
      const { calls } = await untilCrash((deps) => submitJob(deps, counting.wanted, OPTIONS), counting, null);
      let met = 0;
      let noticed = 0;
      for (let at = 0; at < calls; at += 1) {
        const rig = createRig(join(root, String(at)));
        const deps = rig.process();
        let seen = 0;
        let paused: JobId | null = null;
        // Somebody else pauses right before one call of the submit.
        const interrupted = interleave(deps, async () => {
          seen += 1;
          if (seen !== at + 1) return;
          const [job] = await knownJobs(deps.state);
          if (job === undefined || (await readMeta(deps.state, job.id)) === null) return;
          await pauseJob({ ...deps }, job.id, { now: false });
          paused = job.id;
        });
        const answer = await submitJob(interrupted, rig.wanted, OPTIONS);
        if (paused === null) continue;
        met += 1;
        // At the very end there is nothing left that the submit could be kept from.
        if (answer.meta.state === 'PAUSED') noticed += 1;
        expect((await metaOf(rig, paused)).state).toBe('PAUSED');
        // Whatever was accepted waits.
        expect(heldArrays(rig)).toHaveLength(arrays(rig).length);
        await advanceJob(rig.process(), pass(paused));
        expect((await metaOf(rig, paused)).state).toBe('PAUSED');
        await resumeJob(rig.process(), pass(paused));
        expect(heldArrays(rig)).toEqual([]);
        expect(await carryOn(rig, paused), `call ${at}`).toMatchObject({ state: 'COMPLETED', items: 20, tasks: 4 });
        expect(arrays(rig), `call ${at}`).toHaveLength(1);
      }
      expect(met).toBeGreaterThan(15);
      expect(noticed).toBeGreaterThan(met - 8);
    }),
  );
});

describe('pause and resume that die', () => {
  it('anywhere are completed by the same command again', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      for (const what of ['pause', 'resume'] as const)
        for (const when of ['before', 'after'] as const)
          for (let at = 0; ; at += 1) {
            const rig = createRig(join(root, `${what}-${when}-${at}`));
            const job = await submitted(rig);
            const pause = (deps: CoordinatorDeps) => pauseJob(deps, job, { reason: 'why', now: false });
            const resume = (deps: CoordinatorDeps) => resumeJob(deps, pass(job));
            const place = `${what} ${when} call ${at}`;
            if (what === 'resume') await pause(rig.process());
            const { died } = await untilCrash(what === 'pause' ? pause : resume, rig, { at, when });
            if (what === 'pause') {
              await pause(rig.process());
              expect((await metaOf(rig, job)).state, place).toBe('PAUSED');
              expect(heldArrays(rig), place).toHaveLength(1);
            }
            await resume(rig.process());
            expect(heldArrays(rig), place).toEqual([]);
            expect((await carryOn(rig, job)).state, place).toBe('COMPLETED');
            const events = await readEvents(rig.process().state, job, await metaOf(rig, job));
            expect(
              events.map(({ kind }) => kind),
              place,
            ).toEqual(['pause', 'resume']);
            if (!died) break;
          }
    }),
  );

  it('anywhere, and nobody repeats them: the next pass does what is left', { timeout: 120_000 }, () =>
    withTempDir(async (root) => {
      for (let at = 0; ; at += 1) {
        const rig = createRig(join(root, String(at)));
        const job = await submitted(rig);
        const { died } = await untilCrash((deps) => pauseJob(deps, job, { now: false }), rig, { at, when: 'after' });
        await advanceJob(rig.process(), pass(job));
        const isPaused = (await metaOf(rig, job)).state === 'PAUSED';
        expect(heldArrays(rig), `call ${at}`).toHaveLength(isPaused ? 1 : 0);
        // A resume that gets no further than META.
        await untilCrash((deps) => resumeJob(deps, pass(job)), rig, { at: 7, when: 'after' });
        if ((await metaOf(rig, job)).state === 'PAUSED') await resumeJob(rig.process(), pass(job));
        expect((await carryOn(rig, job)).state, `call ${at}`).toBe('COMPLETED');
        if (!died) break;
      }
    }),
  );
});

describe('a pause that sleeps over a resume', () => {
  it('lets go again of what it held', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      const deps = rig.process();
      let slept = false;
      const batch: CoordinatorDeps['batch'] = {
        ...deps.batch,
        async hold(handle) {
          if (!slept) {
            slept = true;
            await resumeJob(rig.process(), pass(job));
          }
          await deps.batch.hold(handle);
        },
      };
      await pauseJob({ ...deps, batch }, job, { now: false });
      expect(slept).toBe(true);
      expect(rig.batch.held.size).toBe(0);
    }));

  it('and then dies: the next pass lets go', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      await pauseJob(rig.process(), job, { now: false });
      await resumeJob(rig.process(), pass(job));
      for (const { handle } of arrays(rig)) await rig.batch.hold(handle);
      await advanceJob(rig.process(), pass(job));
      expect(rig.batch.held.size).toBe(0);
    }));

  it('of a job that was never paused leaves what a person held by hand', () =>
    withTempDir(async (root) => {
      const rig = createRig(root);
      const job = await submitted(rig);
      for (const { handle } of arrays(rig)) await rig.batch.hold(handle);
      await advanceJob(rig.process(), pass(job));
      expect(heldArrays(rig)).toHaveLength(1);
    }));
});

/** A pause, a resume and a cancel right before each call of a pass, whatever that pass is doing. */
describe('at every call of an advance', () => {
  const people = {
    pause: (deps: CoordinatorDeps, job: JobId) => pauseJob(deps, job, { now: false }),
    'pause and resume': async (deps: CoordinatorDeps, job: JobId) => {
      await pauseJob(deps, job, { now: false });
      await resumeJob(deps, { job, waitLeaseMs: 0, patienceMs: 0 });
    },
    'pause and cancel': async (deps: CoordinatorDeps, job: JobId) => {
      await pauseJob(deps, job, { now: false });
      await cancelJob(deps, job, 'enough');
    },
  };
  for (const [name, act] of Object.entries(people))
    it(`${name}: the job is where the person put it, and comes to its end`, { timeout: 120_000 }, () =>
      withTempDir(async (root) => {
        for (let at = 0; ; at += 1) {
          const rig = createRig(join(root, String(at)));
          const job = await submitted(rig);
          await rig.work(job, ({ id, attempts }) => id === '000002' && attempts === 0);
          rig.batch.endAll({ cause: 'oom', rawState: 'OUT_OF_MEMORY' });
          rig.clock.skip(60_000);
          await advanceJob(rig.process(), pass(job));
          rig.clock.skip(10 * 60_000);
          const deps = rig.process();
          let seen = 0;
          let acted = false;
          const interrupted = interleave(deps, async () => {
            seen += 1;
            if (seen !== at + 1) return;
            acted = true;
            await act(deps, job).catch((error: unknown) => {
              if (!isAppError(error, 'JOB_BAD_STATE')) throw error;
            });
          });
          await advanceJob(interrupted, pass(job)).catch((error: unknown) => {
            if (!isAppError(error)) throw error;
          });
          if (!acted) {
            expect(at).toBeGreaterThan(10);
            break;
          }
          const { state } = await metaOf(rig, job);
          if (name === 'pause' && !isFinalJobState(state)) {
            expect(state, `call ${at}`).toBe('PAUSED');
            const waiting = arrays(rig).filter(({ handle }) => !rig.batch.isEnded(handle.id));
            expect(heldArrays(rig).length, `call ${at}`).toBe(waiting.length);
            await resumeJob(rig.process(), pass(job));
          }
          const end = name === 'pause and cancel' ? ['CANCELLED', 'COMPLETED'] : ['COMPLETED'];
          expect(end, `call ${at}`).toContain((await carryOn(rig, job)).state);
        }
      }),
    );
});

/** The same ports; `before` is awaited ahead of each call that reads or changes something. */
function interleave(deps: CoordinatorDeps, before: () => Promise<void>): CoordinatorDeps {
  let inside = false;
  const wrap = <T extends object>(port: T): T =>
    new Proxy(port, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => unknown;
        if (
          !['get', 'put', 'write', 'createMany', 'submit', 'find', 'states', 'cancel', 'hold'].includes(
            String(property),
          )
        )
          return method;
        return async (...args: unknown[]) => {
          if (!inside) {
            inside = true;
            await before().finally(() => {
              inside = false;
            });
          }
          return method(...args);
        };
      },
    });
  return { ...deps, store: wrap(deps.store), state: wrap(deps.state), batch: wrap(deps.batch) };
}
