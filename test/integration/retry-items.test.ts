import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import type { AggregatorDeps } from '../../src/aggregator/deps.ts';
import { loadJob } from '../../src/aggregator/load-job.ts';
import { readWinnerFile } from '../../src/aggregator/winner-file.ts';
import { findItem } from '../../src/app/find-item.ts';
import type { Drivers } from '../../src/app/job-backends.ts';
import { criteriaOf, type RetryWishes } from '../../src/app/retry-criteria.ts';
import { readNamedItems } from '../../src/app/retry-items.ts';
import { selectItems, type Selection } from '../../src/app/retry-selection.ts';
import { prepareTasks } from '../../src/app/retry-tasks.ts';
import { createColumnar } from '../../src/backends/columnar/duckdb.ts';
import { openTask } from '../../src/coordinator/redo-open.ts';
import { taskIdOf } from '../../src/domain/ids.ts';
import { formatRanges } from '../../src/domain/item-ranges.ts';
import { doneKey, outputErrorsKey, redoKey } from '../../src/domain/keys.ts';
import type { RedoTask } from '../../src/domain/redo.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { elementInput, JOB, setTask } from '../support/worker-job.ts';
import { noting, numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
let deps: AggregatorDeps;
beforeEach(async () => {
  job = await openWorkerFixture();
  const { store, state, leafParts, scratch, resultFiles, log } = job.deps;
  const columnar = createColumnar({ memoryLimitBytes: 512 * 1024 ** 2 });
  deps = { store, state, leafParts, scratch, columnar, resultFiles: async () => resultFiles, log };
});
afterEach(async () => {
  await deps.columnar.close();
  job.close();
});

/** Items 2 and 7 of every ten fail, each in its own way, until the file `go` exists; outputs say which run of the handler made them. */
const TWO_OF_TEN = `export default async ({ n }) => {
  ${noting('n')}
  const { existsSync } = await import('node:fs');
  const healed = existsSync(new URL('./go', import.meta.url));
  if (!healed && n % 10 === 2) throw new TypeError('two ' + n);
  if (!healed && n % 10 === 7) throw Object.assign(new Error('seven ' + n), { cause: 'x' });
  return { n, healed };
};`;

/** Three tasks of ten items, of which the first two ran; the third was given up after four items, one of them failed. */
async function threeTasks(): Promise<void> {
  await job.store(TWO_OF_TEN, { tasks: [numbered(0, 10), numbered(10, 10), numbered(20, 10)] });
  await setTask(job.deps.state, 2, { state: 'DEAD', cause: 'oom', causeDetail: 'too big', attempts: 3, charged: 3 });
  await runElement(job.deps, elementInput());
  await setTask(job.deps.state, 2, { generation: 1 });
}

const select = async (wishes: RetryWishes = {}, ids?: string): Promise<Selection> =>
  selectItems(
    deps,
    await loadJob(deps, JOB),
    criteriaOf(wishes),
    ids === undefined ? null : await readNamedItems('-', '-', () => Readable.from([ids])),
  );
const chosen = ({ tasks }: Selection): string[] =>
  tasks.map(({ task, items }) => `${Number(task.task)}: ${formatRanges(items)}`);

describe('selection', () => {
  it('is the failed items, by task, cause and fingerprint; published or not', async () => {
    await threeTasks();
    const before = await select();
    expect(chosen(before)).toEqual(['0: 2,7', '1: 2,7', '2: 0-9']);
    expect(before).toMatchObject({
      items: 14,
      succeeded: 0,
      unfinished: 0,
      causes: [
        { cause: 'oom', items: 10, tasks: 1 },
        { cause: 'handler-error', items: 4, tasks: 2 },
      ],
    });
    expect(before.errors.map(({ items, example }) => [items, example])).toEqual([
      [10, expect.stringContaining('too big')],
      [2, 'two 2'],
      [2, 'seven 7'],
    ]);
    const { publication } = await aggregate(deps, { job: JOB });
    const files = await countReads(() => select());
    expect(files.value).toEqual(before);
    expect(files.keys).toContain(outputErrorsKey(JOB, publication));
    expect(files.keys.filter((key) => key.includes('results.sqlite'))).toEqual([]);
  });

  it('is narrowed by every option, and each of them must be met', async () => {
    await threeTasks();
    const two = (await select()).errors.find(({ example }) => example === 'two 2')?.fingerprint ?? '';
    const cases: [RetryWishes, string[]][] = [
      [{ dead: true }, ['2: 0-9']],
      [{ cause: 'handler-error' }, ['0: 2,7', '1: 2,7']],
      [{ cause: 'oom, timeout' }, ['2: 0-9']],
      [{ error: two.slice(0, 6).toUpperCase() }, ['0: 2', '1: 2']],
      [{ error: two, task: '1-2' }, ['1: 2']],
      [{ task: '0' }, ['0: 2,7']],
      [{ task: '0,2', all: true }, ['0: 0-9', '2: 0-9']],
      [{ dead: true, cause: 'handler-error' }, []],
    ];
    for (const [wishes, expected] of cases)
      expect(chosen(await select(wishes)), JSON.stringify(wishes)).toEqual(expected);
    await expect(select({ task: '1-3' })).rejects.toMatchObject({
      code: 'USAGE',
      message: '--task: found task 3, but the job has tasks 0-2',
    });
  });

  it('takes named items whatever became of them, and says how many had succeeded', async () => {
    await threeTasks();
    const named = await select({}, '12\n\n3\r\n12\n21\n');
    expect(chosen(named)).toEqual(['0: 3', '1: 2', '2: 1']);
    expect(named).toMatchObject({ items: 3, succeeded: 1 });
    expect(chosen(await select({ failed: true }, '12\n3\n'))).toEqual(['1: 2']);
    expect(chosen(await select({ task: '0' }, '12\n3\n'))).toEqual(['0: 3']);
    await expect(select({}, '3\n30\nx\n')).rejects.toMatchObject({
      code: 'USAGE',
      problems: [{ place: { file: 'stdin', line: 2 } }, { place: { file: 'stdin', line: 3 } }],
    });
  });

  it('looks ids up in the input, and suggests one that is near', async () => {
    const lines = (first: number) => Array.from({ length: 5 }, (_, n) => `{"id":"item-${first + n}","n":${first + n}}`);
    await job.store(TWO_OF_TEN, { tasks: [lines(0), lines(5)] }, inputWithId());
    await runElement(job.deps, elementInput());
    expect(chosen(await select({}, 'item-7\nitem-1\n'))).toEqual(['0: 1', '1: 2']);
    await expect(select({}, 'item-1\nitem_8\n')).rejects.toMatchObject({
      message: `--items: stdin:2 names "item_8", which is no item of job ${JOB}`,
      problems: [{ hint: 'Did you mean "item-8"?' }],
    });
  });

  it('looks ids up as explain does, which reads each batch once at most', async () => {
    const lines = (first: number) => Array.from({ length: 5 }, (_, n) => `{"id":"item-${first + n}","n":${first + n}}`);
    await job.store(TWO_OF_TEN, { tasks: [lines(0), lines(5)] }, inputWithId());
    const loaded = await loadJob(deps, JOB);
    const scratch = () => Promise.resolve(job.deps.scratch);
    const drivers = { ...job.deps, env: {}, scratch } as unknown as Drivers;
    const find = (id: string) => findItem({ ...drivers, store: deps.store }, loaded, id);
    const seventh = await find('item-7');
    expect([seventh.task, seventh.number, seventh.manifest.firstItem]).toEqual([taskIdOf(1), 2, 5]);
    expect(await find('#7')).toEqual(seventh);
    const { keys } = await countReads(() =>
      expect(find('item_8')).rejects.toMatchObject({ hint: expect.stringContaining('Did you mean "item-8"?') }),
    );
    expect(keys.filter((key) => key.endsWith('000000.jsonl'))).toHaveLength(1);
    await expect(find('elephant')).rejects.toMatchObject({ hint: expect.not.stringContaining('Did you mean') });
  });

  it('leaves tasks alone that have not ended, and counts them', async () => {
    await threeTasks();
    await setTask(job.deps.state, 1, { state: 'RUNNING' }, ['win']);
    expect(await select()).toMatchObject({ unfinished: 1, items: 12 });
    expect(await select({ task: '0' })).toMatchObject({ unfinished: 0 });
    expect(await select({}, '12\n')).toMatchObject({ unfinished: 1, items: 0 });
  });
});

const inputWithId = () => ({
  input: {
    kind: 'file' as const,
    path: '/in',
    format: 'jsonl' as const,
    compression: 'none' as const,
    onBadRecord: 'stop' as const,
    id: 'id',
  },
});

/** What was read from the store meanwhile. */
async function countReads<T>(use: () => Promise<T>): Promise<{ readonly value: T; readonly keys: readonly string[] }> {
  const keys: string[] = [];
  const { store } = deps;
  const noted: AggregatorDeps['store'] = {
    ...store,
    get: (key, options) => store.get(note(key), options),
    getFile: (key, path, options) => store.getFile(note(key), path, options),
  };
  const note = (key: string): string => {
    keys.push(key);
    return key;
  };
  deps = { ...deps, store: noted };
  const value = await use();
  deps = { ...deps, store };
  return { value, keys };
}

/** Opens what is chosen, as a retry does, and runs an element. */
async function redo(selection: Selection, batchJobId: string): Promise<RedoTask[]> {
  const loaded = await loadJob(deps, JOB);
  const prepared = await prepareTasks(
    { deps, job: loaded, plan: `plan${batchJobId}`, needs: {}, assertHeld: () => undefined },
    selection.tasks,
  );
  for (const task of prepared) await openTask(job.deps, JOB, { shards: 1, generation: 1 }, task);
  const ran = job.notes().length;
  await runElement(job.deps, elementInput({ batchJobId }));
  runs = job
    .notes()
    .slice(ran)
    .map(Number)
    .toSorted((a, b) => a - b);
  return prepared;
}
let runs: number[] = [];

const heal = (): void => writeFileSync(join(job.path, 'go'), '');
const rowsOf = async (task: number) =>
  (await job.outcomes(task)).map(({ itemIndex, status, output }) =>
    status === 'failed' ? `${itemIndex} failed` : `${itemIndex} ${output?.includes('true') ? 'healed' : 'kept'}`,
  );

describe('a task that is opened again', () => {
  it('runs the chosen items only, and commits the whole task', async () => {
    await threeTasks();
    heal();
    await redo(await select({ cause: 'handler-error', task: '1' }), '200');
    expect(runs).toEqual([12, 17]);
    expect(await rowsOf(1)).toEqual(
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19].map((n) => `${n} ${n % 5 === 2 ? 'healed' : 'kept'}`),
    );
    expect(await job.task(1)).toMatchObject({
      state: 'DONE',
      generation: 2,
      attempts: 2,
      charged: 1,
      attemptsBefore: 1,
    });
    expect((await job.done(1)).timings.resumedItems).toBe(8);
    // Items that succeeded keep their row to the last byte, and can be named all the same.
    await redo(await select({}, '10\n19\n'), '201');
    expect(runs).toEqual([10, 19]);
    expect((await rowsOf(1)).filter((row) => row.endsWith('kept'))).toHaveLength(6);
  });

  it('takes what was saved of a task that was given up, and the failures of what was not', async () => {
    await threeTasks();
    await redo(await select({}, '22\n23\n'), '200');
    expect(runs).toEqual([22, 23]);
    const rows = await job.outcomes(2);
    expect(rows.map(({ cause }) => cause)).toEqual([
      'oom',
      'oom',
      'handler-error',
      null,
      ...Array.from({ length: 6 }, () => 'oom'),
    ]);
    // The commit is of the whole task, and so is what it says of its failures.
    expect((await job.task(2)).win?.failures).toMatchObject([
      { items: 8, cause: 'oom' },
      { items: 1, cause: 'handler-error' },
    ]);
    heal();
    await redo(await select({ task: '2' }), '201');
    expect(runs).toEqual([20, 21, 22, 24, 25, 26, 27, 28, 29]);
    expect((await rowsOf(2)).filter((row) => row.endsWith('kept'))).toEqual(['23 kept']);
  });

  it('that is given up again keeps the rows that the retry left alone, also for the next retry', async () => {
    await threeTasks();
    heal();
    const selection = await select({ task: '0' });
    const loaded = await loadJob(deps, JOB);
    const [prepared] = await prepareTasks(
      { deps, job: loaded, plan: 'plan', needs: { memoryBytes: 1 }, assertHeld: () => undefined },
      selection.tasks,
    );
    await openTask(job.deps, JOB, { shards: 1, generation: 1 }, prepared as RedoTask);
    expect(await job.task(0)).toMatchObject({ needs: { memoryBytes: 1 }, checkpointSeen: 8, state: 'PENDING' });
    await setTask(job.deps.state, 0, { state: 'DEAD', cause: 'node-fail' });
    const { manifest } = await aggregate(deps, { job: JOB });
    expect(manifest).toMatchObject({ succeeded: 16, failed: 14 });
    expect((await select({ task: '0' })).causes).toEqual([{ cause: 'node-fail', items: 2, tasks: 1 }]);
    await redo(await select({ task: '0' }), '300');
    expect(runs).toEqual([2, 7]);
    expect((await rowsOf(0)).filter((row) => row.endsWith('kept'))).toHaveLength(8);
  });

  it('runs as a whole when what it was to keep is damaged', async () => {
    await threeTasks();
    heal();
    const { win } = await job.task(0);
    await job.deps.store.put(doneKey(JOB, taskIdOf(0), win?.attempt ?? ('' as never)), '{}');
    const selection = await select({ task: '1' });
    await job.deps.store.put((await job.done(1)).files.results.key, 'not SQLite');
    await redo(selection, '200');
    expect(runs).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    await expect(select({ task: '0' })).rejects.toMatchObject({ code: 'RESULT_CORRUPT' });
  });

  it('is not opened when a late attempt has committed it meanwhile', async () => {
    await threeTasks();
    const [prepared] = await prepareTasks(
      { deps, job: await loadJob(deps, JOB), plan: 'plan', needs: {}, assertHeld: () => undefined },
      (await select({ task: '2' })).tasks,
    );
    const { win } = await job.task(1);
    if (win === undefined) throw new Error('task 1 has no winner');
    await setTask(job.deps.state, 2, { state: 'DONE', win });
    await openTask(job.deps, JOB, { shards: 1, generation: 1 }, prepared as RedoTask);
    expect(await job.task(2)).toMatchObject({ state: 'DONE', generation: 1 });
    expect(await job.deps.store.head(redoKey(JOB, 2, taskIdOf(2)))).not.toBeNull();
  });
});

it('a winner file that is not what its seal says is not believed', async () => {
  await threeTasks();
  const { win } = await job.task(0);
  if (win === undefined) throw new Error('task 0 has no winner');
  const read = () => readWinnerFile(deps, JOB, { task: taskIdOf(0), ...win });
  expect((await read()).outcomes).toHaveLength(10);
  await job.deps.store.put((await job.done(0)).files.results.key, 'x');
  await expect(read()).rejects.toMatchObject({ code: 'RESULT_CORRUPT' });
});
