import { rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSqliteResultFiles } from '../../src/backends/result-file/index.ts';
import { createScratch } from '../../src/backends/scratch.ts';
import { createSystemIds } from '../../src/backends/random.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import { batchKey, jobManifestKey, taskManifestKey } from '../../src/domain/keys.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { WorkerDeps } from '../../src/worker/needs.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { elementInput, JOB } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

const edit = async (key: string, change: (text: string) => string): Promise<void> => {
  const text = new TextDecoder().decode((await job.deps.store.get(key)) ?? new Uint8Array());
  await job.deps.store.put(key, change(text));
};
const THREE = [numbered(0, 2), numbered(2, 2), numbered(4, 2)];

describe('a stored task that is damaged fails by name, and only it', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    [
      'a batch whose hash lies',
      () => edit(batchKey(JOB, taskIdOf(1)), (text) => text.replace('2', '9')),
      'STORE_CORRUPT',
    ],
    ['a batch that is missing', () => job.deps.store.delete([batchKey(JOB, taskIdOf(1))]), 'STORE_NOT_FOUND'],
    [
      'a task manifest that is missing',
      () => job.deps.store.delete([taskManifestKey(JOB, taskIdOf(1))]),
      'STORE_NOT_FOUND',
    ],
    [
      'a task manifest of another task',
      () => edit(taskManifestKey(JOB, taskIdOf(1)), (text) => text.replace('"task":"000001"', '"task":"000002"')),
      'MANIFEST_CORRUPT',
    ],
    [
      'a task manifest edited by hand',
      () => edit(taskManifestKey(JOB, taskIdOf(1)), (text) => text.replace('"items":2', '"items":3')),
      'MANIFEST_CORRUPT',
    ],
    ['a task manifest that is no JSON', () => edit(taskManifestKey(JOB, taskIdOf(1)), () => '{'), 'MANIFEST_CORRUPT'],
    [
      'a task manifest of another version',
      () => edit(taskManifestKey(JOB, taskIdOf(1)), (text) => text.replace('manifest/1', 'manifest/9')),
      'MANIFEST_CORRUPT',
    ],
    [
      'a task manifest that points elsewhere',
      () => edit(taskManifestKey(JOB, taskIdOf(1)), (text) => text.replace('batches/000001', 'batches/000000')),
      'MANIFEST_CORRUPT',
    ],
  ])('%s', async (_name, damage, code) => {
    await job.store('export default ({ n }) => n;', { tasks: THREE });
    await damage();
    expect(await runElement(job.deps, elementInput())).toMatchObject({ claimed: 3, committed: 2 });
    const task = await job.task(1);
    expect(task).toMatchObject({ state: 'WAIT', cause: 'worker-error', attempts: 1, charged: 1 });
    expect(task.causeDetail).toMatch(new RegExp(`^${code}: .*000001`));
    expect(task.owner).toBe('100_0.0');
  });
});

describe('a job manifest that is not the one of the submit is MANIFEST_CORRUPT, and nothing is claimed', () => {
  it.each<[string, (text: string) => string, string]>([
    [
      'a setting changed by hand',
      (text) => text.replace('"timeoutMs":10000', '"timeoutMs":99999'),
      'hash of spec and backends',
    ],
    [
      'hash changed along',
      (text) => text.replace(/"specHash":"[0-9a-f]{4}/, '"specHash":"0000'),
      'hash of spec and backends',
    ],
    ['another job', (text) => text.replace(`"job":"${JOB}"`, '"job":"other-00000000"'), 'job is'],
    ['foreign', () => '[1,2]', 'schema'],
    ['truncated', (text) => text.slice(0, 50), 'not JSON'],
    ['another count of shards', (text) => text.replace('"shards":1', '"shards":2'), 'shards'],
  ])('%s', async (_name, change, message) => {
    await job.store('export default () => 1;', { tasks: THREE });
    await edit(jobManifestKey(JOB), change);
    await expect(runElement(job.deps, elementInput())).rejects.toMatchObject({
      code: 'MANIFEST_CORRUPT',
      message: expect.stringContaining(message) as string,
    });
    expect((await job.task(0)).attempts).toBe(0);
  });

  it('a job that is not there is JOB_NOT_FOUND', async () => {
    await expect(runElement(job.deps, elementInput())).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });
});

describe('an element that cannot work', () => {
  it('with a handler that does not load fails its own share by name and leaves the rest', async () => {
    await job.store('throw new Error("no licence server");', { tasks: [...THREE, numbered(6, 2)] });
    await expect(runElement(job.deps, elementInput({ waveElements: 2 }))).rejects.toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
    });
    for (const number of [0, 2])
      expect(await job.task(number)).toMatchObject({
        state: 'WAIT',
        cause: 'worker-error',
        charged: 1,
        causeDetail: expect.stringContaining('no licence server') as string,
      });
    for (const number of [1, 3]) expect(await job.task(number)).toMatchObject({ state: 'PENDING', attempts: 0 });
  });

  it('without a scratch directory likewise', async () => {
    await job.store('export default () => 1;', { tasks: [numbered(0, 1)] });
    const scratch = createScratch({
      env: { SLURMCTL_SCRATCH: `${job.path}/none` },
      ids: createSystemIds(job.deps.clock),
    });
    await expect(runElement({ ...job.deps, scratch }, elementInput())).rejects.toMatchObject({ code: 'SCRATCH_UNFIT' });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', cause: 'worker-error' });
  });

  it('on a full disk saves what it has, names the cause and ends', async () => {
    const code = `export default ({ n }) => { ${noting('n').replace("(await import('node:fs'))", 'fs')} return 'x'.repeat(20000); };`;
    await job.store(
      `import fs from 'node:fs'; ${code}`,
      { tasks: [numbered(0, 400), numbered(400, 1)] },
      { handler: { concurrency: 1 } },
    );
    const resultFiles = await createSqliteResultFiles({ maxPages: 600 });
    await expect(runElement({ ...job.deps, resultFiles }, elementInput())).rejects.toMatchObject({
      code: 'SCRATCH_FULL',
    });
    const task = await job.task(0);
    expect(task).toMatchObject({ state: 'WAIT', cause: 'disk-full', checkpoint: { attempt: '100_0.0' } });
    expect(task.checkpoint?.items).toBeGreaterThan(10);
    expect(await job.task(1)).toMatchObject({ state: 'PENDING' });
  });

  it('leaves nothing in its scratch directory, however it ends', async () => {
    const scratchDir = `${job.path}/scratch`;
    const { mkdirSync, readdirSync } = await import('node:fs');
    mkdirSync(scratchDir);
    const scratch = createScratch({ env: { SLURMCTL_SCRATCH: scratchDir }, ids: createSystemIds(job.deps.clock) });
    await job.store(
      "import fs from 'node:fs'; export default ({ n }, ctx) => { fs.writeFileSync(ctx.scratch + '/left', 'x'); return n; };",
      { tasks: THREE },
    );
    await edit(batchKey(JOB, taskIdOf(1)), () => 'changed');
    await runElement({ ...job.deps, scratch }, elementInput());
    expect(readdirSync(scratchDir)).toEqual([]);
  });
});

describe('a store that is unwell', () => {
  const flaky = (store: ObjectStore, fails: (call: number) => boolean): ObjectStore => {
    let call = 0;
    const check = async (): Promise<void> => {
      call += 1;
      await Promise.resolve();
      if (fails(call)) throw new AppError('STORE_UNAVAILABLE', { message: 'not now' });
    };
    return {
      ...store,
      get: (key, options) => check().then(() => store.get(key, options)),
      put: (key, body) => check().then(() => store.put(key, body)),
      putFile: (key, path) => check().then(() => store.putFile(key, path)),
    };
  };

  /** Neither the home directory nor the node takes what could not be reported. */
  const nowhere = (): WorkerDeps => {
    const { shared, local } = job.deps.spills;
    const prepare = (): never => {
      throw new AppError('SCRATCH_FULL', { message: 'no space left' });
    };
    return { ...job.deps, spills: { shared: { ...shared, prepare }, local: { ...local, prepare } } };
  };

  it('for a while only costs time', async () => {
    await job.store('export default ({ n }) => n;', { tasks: THREE });
    const deps = { ...job.deps, store: flaky(job.deps.store, (call) => call % 2 === 1), backoffMs: () => 0 };
    expect(await runElement(deps, elementInput())).toMatchObject({ committed: 3, items: 6 });
  });

  it('for good, with nothing else to keep the result in, ends the element and leaves the task to reconcile', async () => {
    await job.store('export default ({ n }) => n;', { tasks: THREE });
    const putFile = () => Promise.reject(new AppError('STORE_UNAVAILABLE', { message: 'gone' }));
    const deps = { ...nowhere(), store: { ...job.deps.store, putFile }, backoffMs: () => 1e9 };
    await expect(runElement(deps, elementInput())).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await job.task(0)).toMatchObject({ state: 'RUNNING', owner: '100_0.0' });
  });

  it('that is full, with nothing else to keep the result in, names the cause', async () => {
    await job.store('export default ({ n }) => n;', { tasks: THREE });
    const putFile = () => Promise.reject(new AppError('STORE_FULL', { message: 'quota' }));
    await expect(
      runElement({ ...nowhere(), store: { ...job.deps.store, putFile } }, elementInput()),
    ).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await job.task(0)).toMatchObject({ state: 'WAIT', cause: 'disk-full', causeDetail: 'STORE_FULL: quota' });
  });
});

it('a bug while sealing releases the task and is thrown on', async () => {
  await job.store('export default ({ n }) => n;', { tasks: THREE });
  const leafParts = { write: () => Promise.reject(new TypeError('oops')) };
  await expect(runElement({ ...job.deps, leafParts }, elementInput())).rejects.toThrow('oops');
  expect(await job.task(0)).toMatchObject({
    state: 'WAIT',
    cause: 'worker-error',
    causeDetail: 'bug in slurmctl: oops',
  });
});

it('a job that is paused or cancelled meanwhile is noticed between tasks', async () => {
  await job.store('export default ({ n }) => n;', { tasks: THREE });
  let nowMs = Date.now();
  const clock = { ...job.deps.clock, nowMs: () => (nowMs += 10_000) };
  const { metaKey } = await import('../../src/domain/state-keys.ts');
  const leafParts = {
    async write(...args: Parameters<typeof job.deps.leafParts.write>) {
      await job.deps.state.write(metaKey(JOB), { set: { state: 'PAUSED' } }, { op: 'item-present' });
      return job.deps.leafParts.write(...args);
    },
  };
  expect(await runElement({ ...job.deps, clock, leafParts }, elementInput())).toMatchObject({
    committed: 1,
    stopped: 'job-paused',
  });
});

it('a handler file that goes away after the element began does not matter to it', async () => {
  const code = 'export default ({ n }) => n;';
  await job.store(code, { tasks: THREE });
  const handlers = {
    async load(...args: Parameters<typeof job.deps.handlers.load>) {
      const handler = await job.deps.handlers.load(...args);
      if (args[0].kind === 'module') rmSync(args[0].path);
      return handler;
    },
  };
  writeFileSync(`${job.path}/unrelated`, '');
  expect(await runElement({ ...job.deps, handlers }, elementInput())).toMatchObject({ committed: 3 });
});
