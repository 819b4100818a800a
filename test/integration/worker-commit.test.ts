import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explainAttempts } from '../../src/app/explain-attempts.ts';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import type { JobMeta } from '../../src/domain/job-item.ts';
import { attemptPrefix, batchKey } from '../../src/domain/keys.ts';
import { historyKey, metaKey, taskKey, type StateKey } from '../../src/domain/state-keys.ts';
import { MAX_IDLE_ATTEMPTS, type TaskItem } from '../../src/domain/task-item.ts';
import { AppError } from '../../src/errors/app-error.ts';
import type { StateChange, StateCondition, WriteResult } from '../../src/ports/state-table.ts';
import { suspect } from '../../src/retry/isolate.ts';
import { runElement } from '../../src/worker/run-element.ts';
import { elementInput, JOB, setTask, storeWave } from '../support/worker-job.ts';
import { numbered, openWorkerFixture, type WorkerFixture } from './worker-fixture.ts';

let job: WorkerFixture;
beforeEach(async () => {
  job = await openWorkerFixture();
});
afterEach(() => job.close());

describe('a whole element', () => {
  it('claims every task, runs every item and commits', async () => {
    await job.store('export default async ({ n }) => ({ square: n * n });', {
      tasks: [numbered(1, 3), numbered(4, 2)],
    });
    const report = await runElement(job.deps, elementInput());
    expect(report).toEqual({ claimed: 2, committed: 2, items: 5, failed: 0, stopped: 'no-tasks' });
    const task = await job.task(0);
    expect(task).toMatchObject({
      state: 'DONE',
      attempts: 1,
      charged: 1,
      win: { attempt: '100_0.0', rows: 3, succeeded: 3, failed: 0 },
    });
    for (const field of ['owner', 'node', 'heartbeatMs', 'progress', 'progressFailed', 'checkpoint', 'cause'])
      expect(task, field).not.toHaveProperty(field);
    expect((await job.outcomes(1)).map((row) => [row.itemIndex, row.itemId, row.output])).toEqual([
      [3, '3', '{"square":16}'],
      [4, '4', '{"square":25}'],
    ]);
    const done = await job.done(0);
    expect(done).toMatchObject({
      rows: 3,
      firstItem: 0,
      generation: 1,
      node: 'n1',
      version: 'test',
      files: { log: null },
    });
    const { startedMs, finishedMs, cpuMs, maxRssBytes } = done.timings;
    expect(task.win?.ran).toEqual({
      node: 'n1',
      startedMs: Math.round(startedMs),
      finishedMs: Math.round(finishedMs),
      cpuMs: Math.round(cpuMs),
      maxRssBytes,
    });
    // A Node process that runs a test has more than this and less than a host.
    expect(maxRssBytes).toBeGreaterThan(20 * 1024 ** 2);
    expect(maxRssBytes).toBeLessThan(64 * 1024 ** 3);
    for (const file of [done.files.results, done.files.part])
      expect(await job.deps.store.get(file.key, { sha256: file.sha256 })).toHaveLength(file.bytes);
  });

  it('every output type survives to the leaf part', async () => {
    const code = `export default async ({ n }) => [
      { s: 'é𝄞', i: -5, b: 2n ** 62n + 1n, d: NaN, f: true, t: new Date(0), j: { x: [1n, null, Infinity] }, extra: 1 },
      { s: 'x'.repeat(1048576), b: '-9223372036854775808', d: -Infinity, t: '2024-01-01T00:00:00+01:00', j: 'text' },
      {},
      null,
      { i: 1.5 },
    ][n];`;
    const columns = { s: 'string', i: 'int', b: 'bigint', d: 'double', f: 'bool', t: 'timestamp', j: 'json' } as const;
    await job.store(code, { tasks: [numbered(0, 5)] }, { output: { mode: 'columns', columns } });
    expect(await runElement(job.deps, elementInput())).toMatchObject({ items: 5, failed: 1 });
    const done = await job.done(0);
    const db = await (await DuckDBInstance.create()).connect();
    const path = job.deps.store.localPath(done.files.part.key) ?? '';
    const read = (
      await db.runAndReadAll(
        `SELECT length(s), i, b, d, f, epoch_ms(t), j, error_message FROM '${path}' ORDER BY item_index`,
      )
    ).getRowsJS();
    db.closeSync();
    expect(read).toEqual([
      [2n, -5, 4611686018427387905n, NaN, true, 0n, '{"x":[1,null,"Infinity"]}', null],
      [1048576n, null, -9223372036854775808n, -Infinity, null, 1704063600000n, '"text"', null],
      [null, null, null, null, null, null, null, null],
      [null, null, null, null, null, null, null, null],
      [
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        'column "i": found the number 1.5, expected an integer from -2147483648 to 2147483647 (use bigint for more)',
      ],
    ]);
    const log = new TextDecoder().decode((await job.deps.store.get(done.files.log?.key ?? '')) ?? new Uint8Array());
    expect(log).toContain('"keys":{"extra":1}');
    expect(log).toContain('"cause":"bad-output"');
  });

  it('infer records what each column held', async () => {
    await job.store(
      'export default ({ n }) => (n === 0 ? { a: 1, b: "x" } : { a: 2.5 });',
      { tasks: [numbered(0, 2)] },
      { output: { mode: 'infer' } },
    );
    await runElement(job.deps, elementInput());
    expect((await job.done(0)).observed).toEqual([
      { column: 'a', kinds: ['int', 'double'] },
      { column: 'b', kinds: ['string'] },
    ]);
  });

  it('bad records, retries, timeouts and throws each become the outcome they are', async () => {
    const code = `export default async ({ n }, ctx) => {
      if (n === 1) throw new RangeError('one');
      if (n === 2 && ctx.attempt < 2) throw new Error('flaky');
      if (n === 3) await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
      ctx.log.info('done with ' + n);
      return n;
    };`;
    const lines = [...numbered(0, 4), 'garbage'];
    await job.store(
      code,
      { tasks: [lines], bad: { 0: [{ line: 4, message: 'in.csv:6: found 2 fields, expected 3' }] } },
      {
        retry: { items: 2, attempts: 3, backoff: { baseMs: 1, maxMs: 2 }, tolerate: {} },
        handler: { concurrency: 5, timeoutMs: 150 },
      },
    );
    expect(await runElement(job.deps, elementInput())).toMatchObject({ committed: 1, items: 5, failed: 3 });
    expect(
      (await job.outcomes(0)).map((row) => [row.status, row.attempts, row.cause, row.errorClass, row.errorMessage]),
    ).toEqual([
      ['succeeded', 1, null, null, null],
      ['failed', 2, 'handler-error', 'RangeError', 'one'],
      ['succeeded', 2, null, null, null],
      ['failed', 2, 'timeout-item', 'timeout-item', 'took longer than handler.timeout (150 ms)'],
      ['failed', 0, 'bad-input', 'bad-input', 'in.csv:6: found 2 fields, expected 3'],
    ]);
    const { log } = (await job.done(0)).files;
    const text = new TextDecoder().decode((await job.deps.store.get(log?.key ?? '')) ?? new Uint8Array());
    const messages = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(
      messages
        .filter((line) => line['msg'] === 'item failed')
        .map((line) => `${String(line['item'])}/${String(line['try'])}`)
        .toSorted((a, b) => a.localeCompare(b)),
    ).toEqual(['1/1', '1/2', '2/1', '3/1', '3/2']);
    expect(messages.find((line) => line['errorClass'] === 'RangeError')?.['detail']).toMatch(/\.mjs:2/);
    expect(messages.some((line) => line['msg'] === 'done with 2' && line['item'] === '2' && line['try'] === 2)).toBe(
      true,
    );
  });
});

describe('which tasks', () => {
  it('of a later wave: its list, then whatever may be claimed', async () => {
    await job.store('export default () => 1;', { tasks: [numbered(0, 1), numbered(1, 1), numbered(2, 1)] });
    await setTask(job.deps.state, 1, { wave: 2 });
    await setTask(job.deps.state, 2, { wave: 3 });
    await storeWave(job.deps.store, 2, [taskIdOf(1)]);
    const report = await runElement(job.deps, elementInput({ wave: 2 }));
    expect(report).toMatchObject({ committed: 2 });
    expect((await job.task(2)).state).toBe('PENDING');
  });

  it('of an earlier wave: not those that a later wave will run', async () => {
    await job.store('export default () => 1;', { tasks: [numbered(0, 1), numbered(1, 1)] });
    await setTask(job.deps.state, 0, { wave: 1 });
    expect(await runElement(job.deps, elementInput())).toMatchObject({ claimed: 1, committed: 1 });
    expect(await job.task(0)).toMatchObject({ state: 'PENDING', attempts: 0 });
  });

  it('elements: tasks gives an element its own only', async () => {
    await job.store(
      'export default () => 1;',
      { tasks: [numbered(0, 1), numbered(1, 1), numbered(2, 1)] },
      { slurm: { elements: 'tasks', extra: [] } },
    );
    expect(await runElement(job.deps, elementInput({ waveElements: 3, index: 1 }))).toMatchObject({
      claimed: 1,
      committed: 1,
    });
    expect((await job.task(1)).state).toBe('DONE');
    expect((await job.task(0)).state).toBe('PENDING');
  });

  it('pulls what others have not come to', async () => {
    await job.store('export default () => 1;', {
      tasks: Array.from({ length: 6 }, (_, n) => numbered(n, 1)),
      shards: 3,
    });
    expect(await runElement(job.deps, elementInput({ waveElements: 3, index: 1 }))).toMatchObject({
      committed: 6,
      stopped: 'no-tasks',
    });
  });

  it('none when its time is short, and what the report says then', async () => {
    await job.store('export default () => 1;', { tasks: [numbered(0, 1)] });
    const report = await runElement(job.deps, elementInput({ endsAtMs: Date.now() + 20_000 }));
    expect(report).toEqual({ claimed: 0, committed: 0, items: 0, failed: 0, stopped: 'time-short' });
    expect((await job.task(0)).state).toBe('PENDING');
  });

  it.each([
    ['PAUSED', 'job-paused'],
    ['CANCELLED', 'job-over'],
    ['COMPLETED', 'job-over'],
    ['AGGREGATING', 'job-over'],
  ])('none of a job that is %s', async (state, stopped) => {
    await job.store('export default () => 1;', { tasks: [numbered(0, 1)] });
    await job.deps.state.write(metaKey(JOB), { set: { state } }, { op: 'item-present' });
    expect(await runElement(job.deps, elementInput())).toMatchObject({ claimed: 0, stopped });
  });
});

it('an element restarted by the batch system takes its own unfinished tasks over, without being charged', async () => {
  await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 2), numbered(2, 2)] });
  await setTask(job.deps.state, 0, { state: 'RUNNING', owner: '100_0.1', attempts: 2, charged: 1 });
  await setTask(job.deps.state, 1, { state: 'RUNNING', owner: '100_7.0', attempts: 1, charged: 1 });
  expect(await runElement(job.deps, elementInput({ restarts: 2 }))).toMatchObject({ claimed: 1, committed: 1 });
  expect(await job.task(0)).toMatchObject({ state: 'DONE', attempts: 3, charged: 1, win: { attempt: '100_0.2' } });
  expect(await job.task(1)).toMatchObject({ state: 'RUNNING', owner: '100_7.0' });
});

it('the attempt that a restarted element goes on from is in the history, and its death is put on no item', async () => {
  await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 3)] });
  const checkpoint = { attempt: '100_0.0', seq: 1, items: 2 };
  const of = { state: 'RUNNING', owner: '100_0.0', node: 'n7', startedMs: 5, attempts: 4, charged: 1, checkpoint };
  await setTask(job.deps.state, 0, { ...of, suspects: '1-2', trying: '2', strikes: 1, strikesOf: '2' });
  const key = historyKey(JOB, taskIdOf(0), 4);
  const createMany = (): never => {
    throw new Error('a worker may not');
  };
  let seen: unknown;
  const leafParts: typeof job.deps.leafParts = {
    async write(...args) {
      seen = await job.task(0);
      return job.deps.leafParts.write(...args);
    },
  };
  let isLost = true;
  const state: typeof job.deps.state = {
    ...job.deps.state,
    createMany,
    async write(at, ...more) {
      const result = await job.deps.state.write(at, ...more);
      if (at.sort !== key.sort || !isLost) return result;
      isLost = false;
      throw new AppError('STATE_UNCERTAIN', { message: 'the answer was lost' });
    },
  };
  // The record is there, and the take-over is not: the element is killed in between, and restarted once more.
  const dies = { ...state, write: (at: StateKey, ...more: [StateChange, StateCondition]) => die(at, more) };
  const die = async (at: StateKey, more: [StateChange, StateCondition]): Promise<WriteResult> => {
    if (at.sort !== key.sort) throw new Error('killed');
    return state.write(at, ...more);
  };
  await expect(runElement({ ...job.deps, state: dies }, elementInput({ restarts: 1 }))).rejects.toThrow('killed');
  const record = await job.deps.state.get(key);
  expect(record).toEqual({
    attempt: '100_0.0',
    generation: 1,
    node: 'n7',
    startedMs: 5,
    endedMs: expect.any(Number) as number,
    cause: 'requeued',
    detail: 'the batch system started element 100_0 again while the suspected items 2 of the task were run',
    savedItems: 2,
    decision: 'retry',
    rule: 'built-in rule for infrastructure',
    why: 'its element, once started again, went on with it (the infrastructure is to blame, so it costs no attempt)',
    charged: false,
    memoryBytes: 1,
    timeMs: 600_000,
    suspects: '1-2',
  });
  expect(await runElement({ ...job.deps, state, leafParts }, elementInput({ restarts: 2 }))).toMatchObject({
    committed: 1,
  });
  expect(await job.deps.state.get(key)).toEqual(record);
  expect(seen).toMatchObject({ attempts: 5, charged: 1, suspects: '1-2', strikes: 1, strikesOf: '2' });
  const about = { id: taskIdOf(0), item: await job.task(0), meta: { state: 'RUNNING' } as JobMeta };
  const explained = await explainAttempts(job.deps, JOB, about);
  expect(explained.map(({ number, end, cause, charged }) => [number, end, cause, charged])).toEqual([
    [4, 'failed', 'requeued', false],
    [5, 'committed', null, null],
  ]);
});

it('a death before a restarted element comes to the suspects is no strike against the one that was tried before', async () => {
  await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 3)] });
  const of = { state: 'RUNNING', owner: '100_0.0', attempts: 1, charged: 1, suspects: '2', trying: '2' };
  await setTask(job.deps.state, 0, of);
  let opened: TaskItem | undefined;
  const get: typeof job.deps.store.get = async (name, ...more) => {
    if (name === batchKey(JOB, taskIdOf(0))) opened = await job.task(0);
    return job.deps.store.get(name, ...more);
  };
  await runElement({ ...job.deps, store: { ...job.deps.store, get } }, elementInput({ restarts: 1 }));
  expect(opened).toMatchObject({ state: 'RUNNING', owner: '100_0.1', suspects: '2' });
  const task = { ...(opened as TaskItem), inFlight: '0' };
  expect(suspect({ task, died: true, cause: 'oom', progressed: false, escalates: false })).toMatchObject({
    struck: null,
    strikes: 0,
    suspects: [
      { from: 0, to: 0 },
      { from: 2, to: 2 },
    ],
  });
});

it('the state item stays small and the attempt leaves only what the commit names', async () => {
  await job.store('export default ({ n }) => n;', { tasks: [numbered(0, 3)] });
  await runElement(job.deps, elementInput());
  expect(JSON.stringify(await job.deps.state.get(taskKey(JOB, taskIdOf(0), 1))).length).toBeLessThan(1_000);
  const names: string[] = [];
  const prefix = attemptPrefix(JOB, taskIdOf(0), asAttemptId('100_0.0'));
  for await (const { key } of job.deps.store.list(prefix)) names.push(key.slice(prefix.length));
  expect(names).toEqual(['done.json', 'part.parquet', 'results.sqlite']);
});

it('a restarted element leaves a task alone that has used up its attempts: it would come back with every restart', async () => {
  await job.store('export default () => 1;', { tasks: [numbered(0, 1)] });
  const worn = { state: 'RUNNING', owner: '100_0.18', attempts: 25, idleAttempts: MAX_IDLE_ATTEMPTS };
  await setTask(job.deps.state, 0, worn);
  expect(await runElement(job.deps, elementInput({ restarts: 19 }))).toMatchObject({ claimed: 0 });
  expect(await job.task(0)).toMatchObject(worn);
  expect(await job.deps.state.get(historyKey(JOB, taskIdOf(0), 25))).toBeNull();
});
