import { describe, expect, it } from 'vitest';
import { advanceJob } from '../../src/coordinator/advance.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { readSubmissions } from '../../src/coordinator/submissions.ts';
import type { JobId } from '../../src/domain/ids.ts';
import type { JobSpec } from '../../src/domain/job-spec.ts';
import { waveKey } from '../../src/domain/keys.ts';
import type { WaveManifest, WorkerAssignment } from '../../src/domain/manifest.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ElementState, SubmitRequest } from '../../src/ports/batch-system.ts';
import type { StateValue } from '../../src/ports/state-table.ts';
import { createRig, type Rig } from '../support/coordinator-rig.ts';
import { withTempDir } from '../support/temp-dir.ts';

/** Of the rig's jobs. */
const SPEC_BYTES = 1e9;
const BIG = { memoryBytes: 4e9 };

/** A submitted job with a batch system of which the test says what it refuses and how each array fares. */
interface Scene {
  readonly rig: Rig;
  readonly job: JobId;
  /** Elements of these arrays (by number of acceptance) are in this state; all others wait. */
  readonly fates: Map<number, Partial<ElementState>>;
  refuse: (request: SubmitRequest) => boolean;
  readonly pass: () => ReturnType<typeof advanceJob>;
  readonly set: (task: number, fields: Record<string, StateValue>) => Promise<void>;
  readonly arrays: () => { readonly request: SubmitRequest; readonly id: string }[];
  readonly finalisers: () => SubmitRequest[];
  readonly deps: CoordinatorDeps;
}

const GONE: Partial<ElementState> = { phase: 'ended', cause: null, rawState: 'COMPLETED' };
const BAD: Partial<ElementState> = { phase: 'ended', cause: 'launch-failed', rawState: 'FAILED', node: 'n7' };

const onScene = (use: (scene: Scene) => Promise<void>, spec: Partial<JobSpec> = {}): Promise<void> =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 20, batchItems: 5, slots: 3, spec });
    const fates = new Map<number, Partial<ElementState>>();
    const base = rig.process();
    const arrays = () =>
      rig.batch.accepted.flatMap(({ request, handle }) =>
        request.array === undefined ? [] : [{ request, id: handle.id }],
      );
    const deps: CoordinatorDeps = {
      ...base,
      workerCommand: (assignment) => ['worker', JSON.stringify(assignment)],
      batch: {
        ...base.batch,
        async submit(request) {
          if (scene.refuse(request)) throw new AppError('BATCH_REFUSED', { message: 'no node is that big' });
          return base.batch.submit(request);
        },
        async states(handles) {
          const states = await base.batch.states(handles);
          return states.map((state) => ({
            ...state,
            ...fates.get(arrays().findIndex(({ id }) => id === state.id)),
          }));
        },
      },
    };
    const scene: Omit<Scene, 'job'> & { job: JobId } = {
      rig,
      job: '' as JobId,
      fates,
      deps,
      refuse: () => false,
      pass: () => advanceJob(deps, { job: scene.job, waitLeaseMs: 60_000, patienceMs: 0 }),
      async set(number, fields) {
        const task = (await rig.tasks(scene.job))[number];
        await deps.state.write(taskKey(scene.job, task?.id as never, 1), { set: fields }, { op: 'item-present' });
      },
      arrays,
      finalisers: () =>
        rig.batch.accepted.filter(({ request }) => request.array === undefined).map(({ request }) => request),
    };
    scene.job = (await submitJob(deps, rig.wanted, { patienceMs: 0 })).job;
    await use(scene);
  });

const assignmentOf = (request: SubmitRequest): WorkerAssignment =>
  JSON.parse(request.command[1] as string) as WorkerAssignment;
const runningOn = ({ rig, arrays }: Scene, array: number, index = 0): Record<string, StateValue> => ({
  state: 'RUNNING',
  owner: `${arrays()[array]?.id}_${index}.0`,
  heartbeatMs: rig.clock.nowMs(),
  attempts: 1,
  charged: 1,
});
const done = { state: 'DONE', attempts: 1, win: { attempt: 'x', sha256: '', rows: 5, succeeded: 5, failed: 0 } };

describe('tasks of one wave that ask for different resources', () => {
  it('go out as submissions of their own, with their own resources, stride and list', () =>
    onScene(async (scene) => {
      scene.fates.set(0, GONE);
      await scene.set(0, { ...done });
      await scene.set(1, { attempts: 1, needs: BIG });
      await scene.set(2, { attempts: 1 });
      await scene.set(3, { attempts: 1, needs: { timeMs: 120_000 } });
      await scene.pass();
      const sent = scene
        .arrays()
        .slice(1)
        .map(({ request }) => request);
      expect(sent.map(({ resources }) => resources)).toEqual([
        { cpus: 1, memoryBytes: 4e9, timeMs: 60_000 },
        { cpus: 1, memoryBytes: SPEC_BYTES, timeMs: 120_000 },
        { cpus: 1, memoryBytes: SPEC_BYTES, timeMs: 60_000 },
      ]);
      expect(sent.map((request) => assignmentOf(request))).toMatchObject([
        { wave: 1, group: 0, offset: 0, waveElements: 1, size: { memoryBytes: 4e9, timeMs: 60_000 } },
        { wave: 1, group: 1, offset: 0, waveElements: 1, size: { memoryBytes: SPEC_BYTES, timeMs: 120_000 } },
        { wave: 1, group: 2, offset: 0, waveElements: 1, size: { memoryBytes: SPEC_BYTES, timeMs: 60_000 } },
      ]);
      const bytes = (await scene.deps.store.get(waveKey(scene.job, 1))) as Uint8Array;
      const wave = JSON.parse(new TextDecoder().decode(bytes)) as WaveManifest;
      expect([wave.tasks, wave.groups?.map(({ count }) => count)]).toEqual([
        ['000001', '000003', '000002'],
        [1, 1, 1],
      ]);
    }));

  it('do not wait behind a long-running array that is too small for them, and are sent once', () =>
    onScene(async (scene) => {
      scene.fates.set(0, { phase: 'running', rawState: 'RUNNING' });
      for (const number of [0, 1, 2]) await scene.set(number, runningOn(scene, 0, number));
      await scene.set(3, { attempts: 1, needs: BIG });
      await scene.pass();
      expect(scene.arrays().map(({ request }) => request.resources.memoryBytes)).toEqual([SPEC_BYTES, 4e9]);
      for (const phase of ['unknown', 'waiting', 'running'] as const) {
        scene.fates.set(1, { phase, rawState: '' });
        scene.rig.clock.skip(1_000);
        await scene.pass();
      }
      expect(scene.arrays()).toHaveLength(2);
    }));

  it('do not wait behind a busy element of their own size either', () =>
    onScene(async (scene) => {
      scene.fates.set(0, { phase: 'running', rawState: 'RUNNING' });
      await scene.set(0, runningOn(scene, 0));
      await scene.set(1, runningOn(scene, 0, 1));
      await scene.set(2, { attempts: 1, needs: BIG });
      await scene.set(3, { ...done });
      await scene.pass();
      scene.fates.set(1, { phase: 'running', rawState: 'RUNNING' });
      await scene.set(2, { ...runningOn(scene, 1), attempts: 2 });
      await scene.set(1, { state: 'PENDING', attempts: 1, needs: BIG });
      await scene.pass();
      expect(
        scene
          .arrays()
          .slice(1)
          .map(({ request }) => request.array?.count),
      ).toEqual([1, 1]);
    }));

  it('keep the throttle of the job together', () =>
    onScene(
      async (scene) => {
        scene.fates.set(0, { phase: 'running', rawState: 'RUNNING' });
        await scene.set(0, runningOn(scene, 0));
        await scene.set(1, { attempts: 1, needs: BIG });
        await scene.pass();
        expect(scene.arrays()).toHaveLength(1);
        scene.fates.set(0, GONE);
        await scene.set(0, { ...done });
        await scene.pass();
        expect(scene.arrays().map(({ request }) => [request.resources.memoryBytes, request.array?.count])).toEqual([
          [SPEC_BYTES, 1],
          [4e9, 1],
        ]);
      },
      { slurm: { elements: 'auto', throttle: 1, extra: [] } },
    ));

  it('bring the next pass about when their retry is due, although an array is alive', () =>
    onScene(async (scene) => {
      scene.fates.set(0, { phase: 'running', rawState: 'RUNNING' });
      const before = scene.finalisers().length;
      await scene.set(0, runningOn(scene, 0));
      await scene.set(1, { state: 'WAIT', attempts: 1, needs: BIG, notBeforeMs: scene.rig.clock.nowMs() + 30_000 });
      for (let times = 0; times < 3; times += 1) await scene.pass();
      const queued = scene.finalisers().slice(before);
      expect(queued.map(({ after, beginAfterSec }) => [after, beginAfterSec])).toEqual([[undefined, 30]]);
    }));

  it('are given up by themselves when none of their elements ever claims anything', () =>
    onScene(async (scene) => {
      scene.fates.set(0, { phase: 'running', rawState: 'RUNNING' });
      await scene.set(0, runningOn(scene, 0));
      await scene.set(1, { attempts: 1, needs: BIG });
      for (let wave = 1; wave <= 5; wave += 1) {
        await scene.pass();
        scene.fates.set(wave, BAD);
        // The others go on claiming all the while.
        await scene.set(2, { attempts: wave });
        scene.rig.clock.skip(120_000);
      }
      expect(scene.arrays()).toHaveLength(4);
      expect((await scene.rig.tasks(scene.job)).map(({ state, cause }) => [state, cause])).toEqual([
        ['RUNNING', undefined],
        ['DEAD', 'launch-failed'],
        ['PENDING', undefined],
        ['PENDING', undefined],
      ]);
    }));
});

describe('a size that the site refuses', () => {
  const setUp = async (scene: Scene): Promise<void> => {
    scene.fates.set(0, GONE);
    await scene.set(0, { ...done });
    await scene.set(1, { attempts: 1, needs: BIG });
    await scene.set(2, { attempts: 1, needs: { memoryBytes: 2e9 } });
    await scene.set(3, { attempts: 1 });
  };
  const needsOf = async ({ rig, job }: Scene) => (await rig.tasks(job)).map(({ needs }) => needs?.memoryBytes);

  it('by sbatch holds up nobody: its tasks run with the largest size that was accepted', () =>
    onScene(async (scene) => {
      await setUp(scene);
      scene.refuse = ({ resources }) => resources.memoryBytes >= 4e9;
      const first = await scene.pass();
      expect(
        scene
          .arrays()
          .slice(1)
          .map(({ request }) => request.resources.memoryBytes),
      ).toEqual([2e9, SPEC_BYTES]);
      expect(first.meta.state).toBe('RUNNING');
      expect(first.steps.join('\n')).toContain(
        '1 tasks: elements of 3.7 GiB and 1 m were refused, so it runs with 1.9 GiB and 1 m: no node is that big',
      );
      expect(await needsOf(scene)).toEqual([undefined, 2e9, 2e9, undefined]);
      // One of the two elements of that size would do for one of the tasks; the other gets one as well.
      await scene.pass();
      expect(
        scene
          .arrays()
          .slice(3)
          .map(({ request }) => request.resources.memoryBytes),
      ).toEqual([2e9]);
    }));

  it('by its limits, without being asked for', () =>
    onScene(async (scene) => {
      await setUp(scene);
      let asked = 0;
      const batch: CoordinatorDeps['batch'] = {
        ...scene.deps.batch,
        async limits(request) {
          if (request.resources.memoryBytes > SPEC_BYTES) {
            asked += 1;
            throw new AppError('BATCH_REFUSED', { message: 'the largest node has 1 GB' });
          }
          return scene.deps.batch.limits(request);
        },
      };
      const advance = () =>
        advanceJob({ ...scene.deps, batch }, { job: scene.job, waitLeaseMs: 60_000, patienceMs: 0 });
      expect((await advance()).nextDueMs).toBe(0);
      expect(await needsOf(scene)).toEqual([undefined, undefined, undefined, undefined]);
      await advance();
      expect(asked).toBe(2);
      expect(
        scene
          .arrays()
          .slice(1)
          .map(({ request }) => request.resources.memoryBytes),
      ).toEqual([SPEC_BYTES]);
    }));

  it('of the job itself still waits for a remedy, and the others are sent all the same', () =>
    onScene(async (scene) => {
      await setUp(scene);
      scene.refuse = ({ resources, array }) => array !== undefined && resources.memoryBytes === SPEC_BYTES;
      await expect(scene.pass()).rejects.toMatchObject({ code: 'BATCH_REFUSED' });
      expect(
        scene
          .arrays()
          .slice(1)
          .map(({ request }) => request.resources.memoryBytes),
      ).toEqual([4e9, 2e9]);
      expect(await needsOf(scene)).toEqual([undefined, 4e9, 2e9, undefined]);
    }));
});

it('a wave that waits for a submit limit is not planned again by the next pass', () =>
  onScene(async (scene) => {
    scene.fates.set(0, GONE);
    await scene.set(0, { ...done });
    const batch: CoordinatorDeps['batch'] = {
      ...scene.deps.batch,
      submit: () => Promise.reject(new AppError('BATCH_LIMIT', { message: 'QOSMaxSubmitJobPerUserLimit' })),
    };
    for (let times = 0; times < 3; times += 1)
      await advanceJob({ ...scene.deps, batch }, { job: scene.job, waitLeaseMs: 60_000, patienceMs: 0 });
    const rows = await readSubmissions(scene.deps.state, scene.job);
    expect(rows.filter(({ kind, state }) => kind === 'array' && state === 'INTENT')).toHaveLength(1);
  }));
