import { chmodSync, existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { taskIdOf } from '../../src/domain/ids.ts';
import { doneKey } from '../../src/domain/keys.ts';
import type { StateItem } from '../../src/ports/state-table.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ErrorCode } from '../../src/errors/catalogue.ts';
import { adoptSpills, type Adopted } from '../../src/worker/adopt-spills.ts';
import type { WorkerDeps } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { createCrashSwitch, SimulatedCrash, type CrashPlan } from '../support/crash.ts';
import { createListLog, elementInput, JOB, setTask } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

const CODE = `export default async ({ n }) => { ${noting('n')} return n * 2; };`;
const fail = (code: ErrorCode) => () => Promise.reject(new AppError(code, { message: 'gone' }));

/** The outside as a worker finds it whose work is done: nothing is worth a second try. */
const withoutStore = (code: ErrorCode = 'STORE_UNAVAILABLE'): WorkerDeps => ({
  ...job.deps,
  store: { ...job.deps.store, putFile: fail(code) },
  backoffMs: () => 1e9,
});
const withoutState = (): WorkerDeps => ({
  ...job.deps,
  state: {
    ...job.deps.state,
    write: (key, change, when) =>
      change.set?.['win'] === undefined && change.set?.['state'] !== 'WAIT'
        ? job.deps.state.write(key, change, when)
        : fail('STATE_UNAVAILABLE')(),
  },
  backoffMs: () => 1e9,
});

const full = (): never => {
  throw new AppError('SCRATCH_FULL', { message: 'no space left' });
};

const adopt = (place = job.deps.spills.shared): Promise<Adopted> =>
  adoptSpills({ ...job.deps, place }, { job: JOB, shards: 1 });
const spillDir = (): string => join(job.path, 'home', 'spill', JOB, '000000', '100_0.0');

/** One task whose result could not be stored. */
async function keepOne(deps = withoutStore(), code: ErrorCode = 'STORE_UNAVAILABLE'): Promise<void> {
  await job.store(CODE, { tasks: [numbered(0, 3)] });
  await expect(runElement(deps, elementInput())).rejects.toMatchObject({ code });
}

async function expectAdopted(): Promise<void> {
  expect(await job.task(0)).toMatchObject({ state: 'DONE', attempts: 1, win: { attempt: '100_0.0', rows: 3 } });
  expect((await job.outcomes(0)).map(({ output }) => output)).toEqual(['0', '2', '4']);
  expect(job.notes()).toEqual(['0', '1', '2']);
  expect(existsSync(spillDir())).toBe(false);
}

describe('finished work that cannot be reported', () => {
  it.each<[string, ErrorCode]>([
    ['does not answer', 'STORE_UNAVAILABLE'],
    ['is full', 'STORE_FULL'],
    ['refuses, because credentials have run out', 'STORE_DENIED'],
  ])('because the store %s is kept in the home directory, and the task says where', async (_name, code) => {
    await keepOne(withoutStore(code), code);
    const task = await job.task(0);
    expect(task).toMatchObject({ state: 'WAIT', cause: 'unreported', owner: '100_0.0' });
    expect(task).not.toHaveProperty('notBeforeMs');
    expect(task.causeDetail).toContain(`its result waits in ${spillDir()} (${code}`);
    expect(readdirSync(spillDir()).toSorted()).toEqual(['done.json', 'part.parquet', 'results.sqlite', 'spill.json']);
    for (const path of [spillDir(), join(job.path, 'home', 'spill')]) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(await adopt()).toEqual({
      tasks: 1,
      steps: [`task 000000: adopted the result that attempt 100_0.0 could not report (${code}: gone)`],
    });
    await expectAdopted();
    expect(await job.task(0)).not.toHaveProperty('cause');
  });

  it('because state does not answer is kept as well, and the log says where', async () => {
    const log = createListLog();
    await keepOne({ ...withoutState(), log }, 'STATE_UNAVAILABLE');
    expect(await job.task(0)).toMatchObject({ state: 'RUNNING', owner: '100_0.0' });
    const said = log.lines.find(({ message }) => message.includes('it is kept'));
    expect(said?.fields).toMatchObject({ task: '000000', where: spillDir() });
    await adopt();
    await expectAdopted();
  });

  it('though the commit was applied and only its answer lost, is not committed twice', async () => {
    const { state } = job.deps;
    let committed = false;
    const write: typeof state.write = async (key, change, when) => {
      if (committed) return fail('STATE_UNAVAILABLE')();
      const result = await state.write(key, change, when);
      committed = change.set?.['win'] !== undefined;
      return committed ? fail('STATE_UNCERTAIN')() : result;
    };
    const get: typeof state.get = (key) => (committed ? fail('STATE_UNAVAILABLE')() : state.get(key));
    await keepOne({ ...job.deps, state: { ...state, write, get }, backoffMs: () => 1e9 }, 'STATE_UNCERTAIN');
    const before = await job.task(0);
    expect(before).toMatchObject({ state: 'DONE' });
    expect((await adopt()).steps).toEqual([
      'task 000000: removed the kept result of attempt 100_0.0: it was committed after all',
    ]);
    expect(await job.task(0)).toEqual(before);
    await expectAdopted();
  });

  it('goes to a disk of the node where the home directory cannot be used; the next worker there adopts it before it works', async () => {
    const prepare = (): never => {
      throw new AppError('SCRATCH_UNFIT', { message: 'no home here' });
    };
    const { shared, local } = job.deps.spills;
    const spills = { local, shared: { ...shared, prepare } };
    await keepOne({ ...withoutStore(), spills });
    expect((await job.task(0)).causeDetail).toContain(`${job.path}/slurmctl-spill.`);
    await setTask(job.deps.state, 0, { state: 'PENDING' });
    expect(await runElement(job.deps, elementInput({ batchJobId: '200' }))).toMatchObject({ claimed: 0 });
    await expectAdopted();
  });

  it('that no disk takes is said to be lost, and its task is left to others', async () => {
    const { shared, local } = job.deps.spills;
    const log = createListLog();
    const spills = { shared: { ...shared, prepare: full }, local: { ...local, prepare: full } };
    await keepOne({ ...withoutStore(), spills, log });
    expect(await job.task(0)).toMatchObject({ state: 'RUNNING', owner: '100_0.0' });
    const said = log.lines.filter(({ message }) => message === 'finished work could not be kept');
    expect(said.map(({ fields }) => [fields['code'], fields['error']])).toEqual([
      ['SCRATCH_FULL', 'no space left'],
      ['SCRATCH_FULL', 'no space left'],
    ]);
  });

  it('is not there before it is whole', async () => {
    const { shared, local } = job.deps.spills;
    const store: typeof shared.store = {
      ...shared.store,
      put: (key, body) => (key.endsWith('/spill.json') ? fail('STORE_UNAVAILABLE')() : shared.store.put(key, body)),
    };
    const spills = { shared: { ...shared, store }, local: { ...local, prepare: full } };
    await keepOne({ ...withoutStore(), spills });
    expect(existsSync(join(spillDir(), 'done.json'))).toBe(true);
    expect(await adopt()).toEqual({ tasks: 0, steps: [] });
    expect(await job.task(0)).toMatchObject({ state: 'RUNNING', owner: '100_0.0' });
  });
});

describe('adoption', () => {
  it.each<StateItem>([
    { state: 'RUNNING', owner: '300_0.0' },
    { state: 'PENDING' },
    { state: 'WAIT', notBeforeMs: 1 },
    { state: 'DEAD', cause: 'lost' },
    { state: 'CANCELLED' },
  ])('gives a winner to a task that meanwhile is %o', async (set) => {
    await keepOne();
    await setTask(job.deps.state, 0, set);
    expect((await adopt()).tasks).toBe(1);
    await expectAdopted();
  });

  it.each<[string, StateItem, string]>([
    [
      'another attempt has won',
      { state: 'DONE', win: { attempt: '300_0.0', sha256: 'x', rows: 3, succeeded: 3, failed: 0 } },
      'another attempt was committed',
    ],
    [
      'is of a later generation',
      { state: 'PENDING', generation: 2 },
      'it belongs to an earlier generation of the task',
    ],
  ])('removes what is left over where the task %s', async (_name, set, why) => {
    await keepOne();
    await setTask(job.deps.state, 0, set);
    const before = await job.task(0);
    expect((await adopt()).steps).toEqual([`task 000000: removed the kept result of attempt 100_0.0: ${why}`]);
    expect(await job.task(0)).toEqual(before);
    expect(existsSync(spillDir())).toBe(false);
    expect(await job.deps.store.head(doneKey(JOB, taskIdOf(0), '100_0.0' as never))).toBeNull();
  });

  it.each<[string, () => void, RegExp]>([
    ['is cut short', () => truncateSync(join(spillDir(), 'part.parquet'), 10), /it is damaged \(.*part\.parquet/],
    ['has other bytes', () => writeFileSync(join(spillDir(), 'done.json'), '{}'), /it is damaged \(.*done\.json/],
    ['has an unreadable record', () => writeFileSync(join(spillDir(), 'spill.json'), '{'), /spill\.json is not JSON/],
    [
      'names another task',
      () => writeFileSync(join(spillDir(), 'spill.json'), '{"schema":"slurmctl.spill/1","job":"x"}'),
      /spill\.json is of job x/,
    ],
  ])('removes a result that %s and says so; the task runs again', async (_name, damage, why) => {
    await keepOne();
    damage();
    expect((await adopt()).steps[0]).toMatch(why);
    expect(await job.task(0)).toMatchObject({ state: 'WAIT' });
    expect(existsSync(spillDir())).toBe(false);
  });

  it('decides nothing while the store still does not answer', async () => {
    await keepOne();
    const place = job.deps.spills.shared;
    const broken = { ...withoutStore(), place };
    await expect(adoptSpills(broken, { job: JOB, shards: 1 })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(existsSync(spillDir())).toBe(true);
    await adopt();
    await expectAdopted();
  });

  it.each(['list', 'deletePrefix'] as const)(
    'does not stop a job because its place is out of order (%s)',
    async (method) => {
      await keepOne();
      const { shared } = job.deps.spills;
      const broken = {
        list: async function* () {
          yield await fail('STORE_DENIED')();
        },
        deletePrefix: fail('STORE_DENIED'),
      };
      const adopted = await adopt({ ...shared, store: { ...shared.store, [method]: broken[method] } });
      expect(adopted.tasks).toBe(method === 'list' ? 0 : 1);
      expect(adopted.steps[0]).toMatch(
        method === 'list' ? /^kept results in .* cannot be looked at/ : /could not be removed/,
      );
      expect((await adopt()).tasks).toBe(method === 'list' ? 1 : 0);
      await expectAdopted();
    },
  );

  it('of two at once comes to one winner', async () => {
    await keepOne();
    const ends = await Promise.allSettled([adopt(), adopt(), adopt()]);
    expect(ends.some(({ status }) => status === 'fulfilled')).toBe(true);
    await expectAdopted();
  });

  it('killed anywhere loses nothing and does nothing twice', async () => {
    let kills = 0;
    for (const when of ['before', 'after'] as const)
      for (let at = 0; ; at += 1) {
        const plan: CrashPlan = { at, when };
        job.close();
        job = await openWorkerFixture();
        await keepOne();
        const crash = createCrashSwitch(plan);
        const { shared } = job.deps.spills;
        const deps = {
          ...job.deps,
          store: crash.wrap(job.deps.store),
          state: crash.wrap(job.deps.state),
          place: { ...shared, store: crash.wrap(shared.store) },
        };
        const end = await adoptSpills(deps, { job: JOB, shards: 1 }).catch((error: unknown) => error);
        if (!crash.crashed()) break;
        expect(end).toBeInstanceOf(SimulatedCrash);
        kills += 1;
        await adopt();
        await expectAdopted();
      }
    expect(kills).toBe(16);
  });
});

it('a directory that others could write to is not trusted with results', async () => {
  const { local } = job.deps.spills;
  expect(local.isThere()).toBe(false);
  local.prepare();
  expect(local.isThere()).toBe(true);
  chmodSync(join(job.path, readdirSync(job.path).find((name) => name.startsWith('slurmctl-spill.')) as string), 0o777);
  expect(local.isThere()).toBe(false);
  expect(() => local.prepare()).toThrow(expect.objectContaining({ code: 'SCRATCH_UNFIT' }));
});
