import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors/app-error.ts';
import type { StateChange, StateItem } from '../../src/ports/state-table.ts';
import { adoptSpills } from '../../src/worker/adopt-spills.ts';
import type { ElementInput, WorkerDeps } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { createFreezer, type Freezer, type SeenCall } from '../support/freezer.ts';
import { elementInput, JOB, setTask } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

const CODE = 'export default async ({ n }) => ({ n, by: process.hrtime.bigint().toString() });';
const ZOMBIE = '100_0.0';

const changeOf = ({ method, args }: SeenCall): StateChange => (method === 'write' ? (args[1] as StateChange) : {});
const putOf = ({ method, args }: SeenCall): string => (method.startsWith('put') ? String(args[0]) : '');

/** Moments in the life of an attempt at which its process stops. */
const MOMENTS: readonly (readonly [string, (call: SeenCall) => boolean])[] = [
  ['it stores its first checkpoint', (call) => putOf(call).includes('/seg/')],
  ['it moves its checkpoint', (call) => changeOf(call).set?.['checkpoint'] !== undefined],
  ['it stores its results', (call) => putOf(call).endsWith('/results.sqlite')],
  ['it stores its seal', (call) => putOf(call).endsWith('/done.json')],
  ['it commits', (call) => changeOf(call).set?.['win'] !== undefined],
];

const depsOf = (freezer: Freezer): WorkerDeps => ({
  ...job.deps,
  store: freezer.wrap(job.deps.store),
  state: freezer.wrap(job.deps.state),
  backoffMs: () => 1,
});

/** Starts a worker and comes back when it stands still in front of the call that was picked. */
async function stopAt(at: (call: SeenCall) => boolean, input: Partial<ElementInput> = {}) {
  // A checkpoint during the only item, so that each moment comes about.
  const code = at === MOMENTS[0]?.[1] || at === MOMENTS[1]?.[1] ? SLOW : CODE;
  await job.store(code, { tasks: [numbered(0, 3)] }, { checkpoint: { everyMs: 5 }, handler: { concurrency: 1 } });
  const freezer = createFreezer(at);
  const running = runElement(depsOf(freezer), elementInput(input));
  await Promise.race([freezer.frozen, running]);
  return { running, thaw: () => freezer.thaw() };
}
const SLOW = 'export default async ({ n }) => { await new Promise((r) => setTimeout(r, 30)); return { n, by: "x" }; };';

/** Whatever the zombie does from here on, the task and the winner's rows stay as they are. */
async function expectUnmoved(act: () => Promise<unknown>): Promise<void> {
  const task = await job.task(0);
  const rows = await job.outcomes(0);
  expect(task).toMatchObject({ state: 'DONE', win: { rows: 3, succeeded: 3, failed: 0 } });
  await act();
  expect(await job.task(0)).toEqual(task);
  expect(await job.outcomes(0)).toEqual(rows);
}

describe.each(MOMENTS)('a worker that is stopped when %s', (_name, at) => {
  it('and goes on after another attempt has won has lost', async () => {
    const { running, thaw } = await stopAt(at);
    // As reconcile does it once nobody can vouch for the owner.
    await setTask(job.deps.state, 0, { state: 'PENDING', cause: 'lost' }, ['owner']);
    expect(await runElement(job.deps, elementInput({ batchJobId: '200' }))).toMatchObject({ committed: 1 });
    await expectUnmoved(async () => {
      thaw();
      expect(await running).toMatchObject({ committed: 0, items: 0 });
    });
  });

  it('and goes on while the requeued element works on its task moves nothing back', async () => {
    const { running, thaw } = await stopAt(at);
    const heir = await startHeir();
    const owned = await job.task(0);
    expect(owned).toMatchObject({ owner: '100_0.1', state: 'RUNNING' });
    thaw();
    const { committed } = await running;
    const after = await job.task(0);
    // Finished work counts whoever has it; anything less does not.
    if (committed === 1) expect(after).toMatchObject({ state: 'DONE', win: { attempt: ZOMBIE } });
    else expect(after).toEqual(owned);
    heir.thaw();
    expect(await heir.running).toMatchObject({ committed: 1 - committed });
    const rows = await job.outcomes(0);
    expect(rows.map(({ itemIndex }) => itemIndex)).toEqual([0, 1, 2]);
    expect((await job.done(0)).attempt).toBe(committed === 1 ? ZOMBIE : '100_0.1');
  });

  it('and goes on in a later generation changes nothing in it', async () => {
    const { running, thaw } = await stopAt(at);
    const reopened: StateItem = { state: 'PENDING', generation: 2, charged: 0 };
    await setTask(job.deps.state, 0, reopened, ['owner', 'checkpoint', 'checkpointSeen']);
    const task = await job.task(0);
    // Nobody else may work on it meanwhile, the zombie's element included.
    await setTask(job.deps.state, 0, { wave: 9 });
    thaw();
    expect(await running).toMatchObject({ committed: 0 });
    expect(await job.task(0)).toEqual({ ...task, wave: 9 });
  });
});

/** The same element after its requeue, in the middle of its work: its checkpoint is further than the zombie's. */
async function startHeir() {
  const freezer = createFreezer((call) => putOf(call).endsWith('/results.sqlite'));
  const running = runElement(depsOf(freezer), elementInput({ restarts: 1 }));
  await Promise.race([freezer.frozen, running]);
  return { running, thaw: () => freezer.thaw() };
}

it('a worker that is cut off from the store keeps its result for nothing when another attempt has won', async () => {
  await job.store(CODE, { tasks: [numbered(0, 3)] });
  const putFile = async (): Promise<never> => {
    await setTask(job.deps.state, 0, { state: 'PENDING' }, ['owner']);
    await runElement(job.deps, elementInput({ batchJobId: '200' }));
    throw new AppError('STORE_UNAVAILABLE', { message: 'cut off' });
  };
  let cut = 0;
  const store = { ...job.deps.store, putFile: () => ((cut += 1) === 1 ? putFile() : putFileAgain()) };
  const putFileAgain = (): Promise<never> => Promise.reject(new AppError('STORE_UNAVAILABLE', { message: 'cut off' }));
  const deps = { ...job.deps, store, backoffMs: () => 1e9 };
  await expect(runElement(deps, elementInput())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  await expect.poll(async () => (await job.task(0)).state).toBe('DONE');
  await expectUnmoved(async () => {
    const adopted = await adoptSpills({ ...job.deps, place: job.deps.spills.shared }, { job: JOB, shards: 1 });
    expect(adopted).toEqual({
      tasks: 0,
      steps: [`task 000000: removed the kept result of attempt ${ZOMBIE}: another attempt was committed`],
    });
  });
});
