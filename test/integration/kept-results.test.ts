import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import { adoptKept, countKept, keptResults } from '../../src/app/kept-results.ts';
import { collectGarbage } from '../../src/app/collect-garbage.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { countLateResults } from '../../src/app/late-results.ts';
import { waitingResults } from '../../src/app/waiting-results.ts';
import { advanceJob } from '../../src/coordinator/advance.ts';
import type { CoordinatorDeps } from '../../src/coordinator/needs.ts';
import { redoJob } from '../../src/coordinator/redo.ts';
import { submitJob } from '../../src/coordinator/submit-job.ts';
import { asAttemptId, taskIdOf, type JobId } from '../../src/domain/ids.ts';
import { attemptPrefix } from '../../src/domain/keys.ts';
import { SPILL_SCHEMA, spillKey, type SpillId } from '../../src/domain/spill.ts';
import { taskKey } from '../../src/domain/state-keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import { createRig } from '../support/coordinator-rig.ts';
import { makeJob, sha256 } from '../support/committed-job.ts';
import { createSeededIds } from '../support/seeded-random.ts';
import { openSpillPlaces } from '../support/spill-places.ts';
import { withTempDir } from '../support/temp-dir.ts';

const idOf = (job: JobId, number: number): SpillId => ({
  job,
  task: taskIdOf(number),
  attempt: asAttemptId('77_0.0'),
});

/** A kept result as a worker leaves it; what is in its files does not matter to the coordinator. */
async function keep(root: string, id: SpillId, items: number): Promise<void> {
  const { store } = openSpillPlaces(root, createSeededIds(3)).shared;
  const file = (name: string) => ({ key: `${attemptPrefix(id.job, id.task, id.attempt)}${name}`, ...digest(name) });
  for (const name of ['results.sqlite', 'part.parquet', 'done.json'] as const)
    await store.put(spillKey(id, name), name);
  const record = {
    schema: SPILL_SCHEMA,
    ...id,
    generation: 0,
    win: { attempt: id.attempt, sha256: sha256('done.json'), rows: items, succeeded: items, failed: 0 },
    files: { results: file('results.sqlite'), part: file('part.parquet'), log: null },
    node: 'n7',
    keptMs: 5,
    reason: 'STORE_UNAVAILABLE: gone',
  };
  await store.put(spillKey(id, 'spill.json'), JSON.stringify(record));
}
const digest = (text: string) => ({ sha256: sha256(text), bytes: text.length });

const STEP = 'adopted the result that attempt 77_0.0 could not report (STORE_UNAVAILABLE: gone)';

it('advance commits what waits in the home directory before it decides about anything', () =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 10, batchItems: 5 });
    const deps = rig.process();
    const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    // Both elements claimed a task and ended; one had finished it.
    await rig.work(job, () => true);
    rig.batch.endAll({ cause: 'worker-error' });
    await keep(root, idOf(job, 0), 5);
    const drivers = driversOf(rig.process(), root);
    expect(await keptResults(drivers, job)).toEqual([
      {
        task: '000000',
        attempt: '77_0.0',
        node: 'n7',
        keptMs: 5,
        reason: 'STORE_UNAVAILABLE: gone',
        path: join(root, 'home', 'spill', job, '000000', '77_0.0'),
      },
    ]);
    expect(await countKept((await drivers.spills()).shared)).toEqual({ results: 1, jobs: [job] });
    expect(await waitingResults(drivers, job, { state: 'RUNNING', shards: 1 })).toEqual({
      keptResults: 1,
      lateResults: 0,
    });
    const { steps } = await advanceJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0 });
    expect(steps[0]).toBe(`task 000000: ${STEP}`);
    const [first, second] = await rig.tasks(job);
    expect(first).toMatchObject({ state: 'DONE', attempts: 1, win: { attempt: '77_0.0' } });
    expect(second).toMatchObject({ state: 'WAIT', cause: 'worker-error' });
    expect(existsSync(join(root, 'home', 'spill', job))).toBe(false);
  }));

it('gc with --purge removes what a removed job had kept, and says so', () =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 5, batchItems: 5 });
    const deps = rig.process();
    const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    await rig.work(job);
    rig.batch.endAll();
    await advanceJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0 });
    await keep(root, idOf(job, 0), 5);
    const drivers = driversOf(rig.process(), root);
    const request = { olderThanMs: 0, purge: true, job };
    const what = `results of job ${job} that were kept in the home directory`;
    const planned = await collectGarbage(drivers, { ...request, dryRun: true });
    expect(planned.removed).toContainEqual(expect.objectContaining({ what, objects: 4 }));
    expect((await keptResults(drivers, job)).length).toBe(1);
    const done = await collectGarbage(drivers, { ...request, dryRun: false });
    expect(done.removed).toEqual(planned.removed);
    expect(await keptResults(drivers, job)).toEqual([]);
  }));

it('a task that is finished after the output was published is counted as late until a new output has it', () =>
  withTempDir(async (root) => {
    const made = await makeJob(root, { output: { mode: 'json' }, tasks: [2, 2] });
    const { job, deps } = made;
    const outcome = (itemIndex: number) => ({
      itemId: String(itemIndex),
      itemIndex,
      status: 'succeeded' as const,
      attempts: 1,
      durationMs: 1,
      errorClass: null,
      errorMessage: null,
      cause: null,
      output: '1',
    });
    await made.commit(0, [outcome(0), outcome(1)]);
    await made.giveUp(1, { state: 'DEAD', cause: 'lost', attempts: 3 });
    expect((await aggregate(deps, { job })).manifest).toMatchObject({ succeeded: 2, failed: 2 });
    const late = (state: 'FAILED' | 'RUNNING' = 'FAILED') => countLateResults(deps as never, job, { state, shards: 1 });
    expect(await late()).toBe(0);
    await made.commit(1, [outcome(2), outcome(3)]);
    expect(await late()).toBe(1);
    expect(await late('RUNNING')).toBe(0);
    const spills = async () => openSpillPlaces(root, createSeededIds(4));
    const drivers = { ...(deps as unknown as Drivers), spills };
    const waiting = (state: 'FAILED' | 'COMPLETED') => waitingResults(drivers, job, { state, shards: 1 });
    expect(await waiting('FAILED')).toEqual({ keptResults: 0, lateResults: 1 });
    expect(await waiting('COMPLETED')).toEqual({ keptResults: 0, lateResults: 0 });
    const unreachable = { ...drivers, store: { ...drivers.store, get: unavailable }, spills: unavailable };
    expect(await waitingResults(unreachable, job, { state: 'FAILED', shards: 1 })).toEqual({
      keptResults: 0,
      lateResults: 0,
    });
    expect((await aggregate(deps, { job })).manifest).toMatchObject({ succeeded: 4, failed: 0 });
    expect(await late()).toBe(0);
  }));

it('a result that was kept is adopted also after its job was published, and is late then', () =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 5, batchItems: 5 });
    const deps = rig.process();
    const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    const key = taskKey(job, taskIdOf(0), 1);
    await deps.state.write(key, { set: { state: 'DEAD', cause: 'lost', attempts: 3 } }, { op: 'item-present' });
    rig.batch.endAll();
    expect((await advanceJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0 })).meta.state).toBe('FAILED');
    await keep(root, idOf(job, 0), 5);
    const adopted = await adoptKept(driversOf(rig.process(), root), { job, shards: 1 });
    expect(adopted).toEqual({ tasks: 1, steps: [`task 000000: ${STEP}`] });
    expect((await rig.tasks(job))[0]).toMatchObject({ state: 'DONE' });
    await keep(root, idOf(job, 0), 5);
    const again = await advanceJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0 });
    expect(again.steps).toEqual(['task 000000: removed the kept result of attempt 77_0.0: it was committed after all']);
    expect(again.meta.state).toBe('FAILED');
  }));

it('a retry adopts what waits before it chooses what to run again', () =>
  withTempDir(async (root) => {
    const rig = createRig(root, { items: 5, batchItems: 5 });
    const deps = rig.process();
    const { job } = await submitJob(deps, rig.wanted, { patienceMs: 0 });
    const key = taskKey(job, taskIdOf(0), 1);
    await deps.state.write(key, { set: { state: 'DEAD', cause: 'lost', attempts: 3 } }, { op: 'item-present' });
    rig.batch.endAll();
    await advanceJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0 });
    await keep(root, idOf(job, 0), 5);
    const seen: string[] = [];
    const choose = async (): Promise<null> => {
      seen.push(...(await rig.tasks(job)).map(({ state }) => state));
      return null;
    };
    await redoJob(rig.process(), { job, waitLeaseMs: 0, patienceMs: 0, choose });
    expect(seen).toEqual(['DONE']);
  }));

const unavailable = async (): Promise<never> => {
  throw new AppError('STORE_UNAVAILABLE', { message: 'gone' });
};

const driversOf = (deps: Pick<CoordinatorDeps, 'state' | 'store' | 'queue'>, root: string): Drivers =>
  ({
    ...deps,
    urls: { home: root, store: deps.store.rootUrl, state: deps.state.rootUrl, queue: deps.queue.rootUrl },
    spills: async () => openSpillPlaces(root, createSeededIds(4)),
    removeHalfWritten: async () => 0,
    forgetLocal: async () => undefined,
  }) as unknown as Drivers;
