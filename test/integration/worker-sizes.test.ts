import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import { waveKey } from '../../src/domain/keys.ts';
import { metaKey } from '../../src/domain/state-keys.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { claimTask } from '../../src/worker/task-writes.ts';
import { elementInput, JOB, setTask, storeWave } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, noting, type WorkerFixture } from './worker-fixture.ts';

/** Of the fixture's jobs. */
const RESOURCES = { memoryBytes: 1, timeMs: 600_000 };
const HANDLER = `export default async ({ n }) => { ${noting('n')} return 1; };`;

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
  await job.store(HANDLER, { tasks: Array.from({ length: 6 }, (_, n) => numbered(n, 1)) });
});
afterEach(() => job.close());

const needs = (number: number, memoryBytes: number) => setTask(job.deps.state, number, { needs: { memoryBytes } });
const states = async () =>
  Promise.all([0, 1, 2, 3, 4, 5].map(async (number) => ((await job.task(number)).state === 'DONE' ? number : null)));
const element = (assignment: object = {}) => {
  const input = elementInput({ waveElements: 1 });
  return { ...input, assignment: { ...input.assignment, ...assignment } };
};
const storeGroups = async (groups: readonly { memoryBytes: number; tasks: number[] }[]): Promise<void> => {
  const tasks = groups.flatMap((group) => group.tasks.map((number) => taskIdOf(number)));
  const counts = groups.map((group) => ({
    memoryBytes: group.memoryBytes,
    timeMs: 600_000,
    count: group.tasks.length,
  }));
  const wave = { schema: 'slurmctl.wave/1', wave: 1, tasks, groups: counts };
  await job.deps.store.put(waveKey(JOB, 1), JSON.stringify(wave));
  await job.deps.state.write(metaKey(JOB), { set: { wave: 1, submittedWave: 1 } }, { op: 'item-present' });
};

describe('an element', () => {
  it.each([
    ['of the job’s size', {}],
    ['of a submission that says its size', { size: RESOURCES }],
  ])('%s leaves tasks alone that ask for more, in its stride and beyond', async (_, assignment) => {
    await needs(1, 2);
    await setTask(job.deps.state, 4, { needs: { timeMs: 600_001 } });
    expect(await runElement(job.deps, element(assignment))).toMatchObject({ committed: 4, stopped: 'no-tasks' });
    expect(await states()).toEqual([0, null, 2, 3, null, 5]);
  });

  it('of another size runs the tasks of its own group first, then those that ask for less', async () => {
    await storeGroups([
      { memoryBytes: 4, tasks: [3, 5] },
      { memoryBytes: 1, tasks: [0, 1, 2, 4] },
    ]);
    for (const number of [3, 5]) await needs(number, 4);
    // Of its size, but of no list: found by looking.
    await needs(4, 4);
    await needs(2, 8);
    const size = { ...RESOURCES, memoryBytes: 4 };
    expect(await runElement(job.deps, element({ wave: 1, group: 0, size }))).toMatchObject({ committed: 5 });
    expect(job.notes().slice(0, 3)).toEqual(['3', '5', '4']);
    expect(job.notes().slice(3).toSorted()).toEqual(['0', '1']);
  });

  it('whose list is not in the wave says so', async () => {
    await storeGroups([{ memoryBytes: 1, tasks: [0] }]);
    await expect(runElement(job.deps, element({ wave: 1, group: 1 }))).rejects.toMatchObject({
      code: 'MANIFEST_CORRUPT',
      message: expect.stringContaining('it has no group 1') as string,
    });
  });

  it('of an earlier version goes through the whole list of its wave', async () => {
    await storeWave(job.deps.store, 1, [taskIdOf(5), taskIdOf(0)]);
    await runElement(job.deps, element({ wave: 1 }));
    expect(job.notes().slice(0, 2)).toEqual(['5', '0']);
  });

  it('judges the time that is left by the limit it asked for', async () => {
    const timeMs = 60_000;
    // A tenth of its own limit is enough to begin; of the job's it would be 30 s.
    const input = { ...element({ size: { ...RESOURCES, timeMs } }), endsAtMs: Date.now() + 20_000 };
    await setTask(job.deps.state, 0, { needs: { timeMs } });
    expect(await runElement(job.deps, input)).toMatchObject({ claimed: 1 });
  });
});

describe('the condition of a claim', () => {
  const claim = async (own: typeof RESOURCES, task: number) =>
    (await claimTask({ deps: job.deps, input: elementInput(), attempt: asAttemptId('100_0.0') }, taskIdOf(task), {
      shards: 1,
      own,
      resources: RESOURCES,
    })) !== null;

  it('refuses an element that is too small, whatever it believed of the task', async () => {
    await needs(0, 2);
    await setTask(job.deps.state, 1, { needs: { timeMs: 700_000 } });
    expect(await claim(RESOURCES, 0)).toBe(false);
    expect(await claim(RESOURCES, 1)).toBe(false);
    expect(await claim({ memoryBytes: 2, timeMs: 600_000 }, 0)).toBe(true);
    expect(await claim({ memoryBytes: 1, timeMs: 700_000 }, 1)).toBe(true);
  });

  it('gives an element that is smaller than the job asks for only what asks for so little', async () => {
    const small = { memoryBytes: 1, timeMs: 60_000 };
    await setTask(job.deps.state, 1, { needs: { timeMs: 60_000 } });
    expect(await claim(small, 0)).toBe(false);
    expect(await claim(small, 1)).toBe(true);
  });
});
