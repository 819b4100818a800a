import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mapBounded } from '../../src/aggregator/bounded.ts';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import { exportOutput, openOutput, queryOutput } from '../../src/aggregator/read-output.ts';
import { makeJob, type CommittedJob, type JobShape } from '../support/committed-job.ts';
import { failed, range, succeeded } from '../support/outcomes.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let dir: ReturnType<typeof makeTempDir>;
beforeEach(() => {
  dir = makeTempDir('aggregate');
});
afterEach(() => dir.remove());

const job = (shape: JobShape): Promise<CommittedJob> => makeJob(dir.path, shape);
const json = { mode: 'json' } as const;

async function rows({ deps, job: id }: CommittedJob, sql = 'from results'): Promise<Record<string, unknown>[]> {
  const { columns, rows: chunks } = await queryOutput(deps, await openOutput(deps, id), sql);
  const all: Record<string, unknown>[] = [];
  for await (const chunk of chunks)
    for (const row of chunk) all.push(Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
  return all;
}

async function text({ deps, job: id }: CommittedJob, format: 'csv' | 'jsonl'): Promise<string> {
  let all = '';
  for await (const piece of exportOutput(deps, await openOutput(deps, id), format)) all += piece;
  return all;
}

describe('what is published', () => {
  test('one row an item in order, failures apart, and a manifest that says so', async () => {
    const made = await job({ output: json, tasks: [3, 2] });
    await made.commit(0, [succeeded(0, { a: 1 }), failed(1, 'no "such" thing'), succeeded(2, 'null')]);
    await made.commit(1, range(3, 2));
    const { manifest, published, publication } = await aggregate(made.deps, { job: made.job });
    expect(published).toBe(true);
    expect(manifest).toMatchObject({
      publication,
      rows: 5,
      succeeded: 4,
      failed: 1,
      generation: 1,
      tasks: { done: 2, dead: 0, cancelled: 0 },
    });
    expect(manifest.columns.map(({ name }) => name)).toEqual([
      'item_id',
      'item_index',
      'status',
      'attempts',
      'duration_ms',
      'error_class',
      'error_message',
      'output',
    ]);
    const all = await rows(made);
    expect(all.map((row) => row['item_index'])).toEqual([0n, 1n, 2n, 3n, 4n]);
    expect(Object.keys(all[0] ?? {})).toEqual(manifest.columns.map(({ name }) => name));
    expect(await rows(made, 'select item_id, error_message, cause from errors')).toEqual([
      { item_id: 'item-1', error_message: 'no "such" thing', cause: 'handler-error' },
    ]);
    expect(readdirSync(join(dir.path, 'scratch'))).toEqual([]);
  });

  test('running it again publishes nothing and answers the same', async () => {
    const made = await job({ output: json, tasks: [1] });
    await made.commit(0, range(0, 1));
    const first = await aggregate(made.deps, { job: made.job });
    const second = await aggregate(made.deps, { job: made.job });
    expect(second).toEqual({ ...first, published: false });
  });

  test('levels give the same bytes and rows as one merge', async () => {
    const tasks = Array.from({ length: 23 }, (_none, n) => (n % 3) + 1);
    const published = [];
    for (const partsPerMerge of [1_024, 3]) {
      const root = makeTempDir('levels');
      const made = await makeJob(root.path, { output: { mode: 'infer' }, tasks });
      let next = 0;
      for (const [number, count] of tasks.entries()) {
        const outcomes = range(next, count, (index) => ({ n: index, text: `t${index}` })).map((outcome, at) =>
          number % 5 === 0 && at === 0 ? failed(outcome.itemIndex) : outcome,
        );
        await made.commit(number, outcomes, {
          observed: [
            { column: 'n', kinds: ['int'] },
            { column: 'text', kinds: ['string'] },
          ],
        });
        next += count;
      }
      const { manifest } = await aggregate({ ...made.deps, partsPerMerge }, { job: made.job });
      published.push({
        rows: await rows(made),
        errors: await rows(made, 'from errors'),
        files: [manifest.files.results.sha256, manifest.files.errors.sha256],
      });
      root.remove();
    }
    expect(published[1]).toEqual(published[0]);
  });

  test('1,500 parts', async () => {
    const made = await job({ output: json, tasks: Array.from({ length: 1_500 }, () => 2) });
    await mapBounded(Array.from({ length: 1_500 }), 32, (_none, number) => made.commit(number, range(number * 2, 2)));
    const seen: number[] = [];
    const { manifest } = await aggregate(
      { ...made.deps, onProgress: ({ done }) => seen.push(done) },
      { job: made.job },
    );
    expect(manifest).toMatchObject({ rows: 3_000, failed: 0 });
    expect(seen.at(-1)).toBe(1_500);
    expect(
      await rows(made, 'select count(*) as n, min(item_index) as low, max(item_index) as high from results'),
    ).toEqual([{ n: 3_000n, low: 0n, high: 2_999n }]);
  });
});

describe('tasks without a result', () => {
  test('a dead task: every item failed with its cause, ids from the batch', async () => {
    const made = await job({ output: { mode: 'columns', columns: { score: 'double' } }, tasks: [1, 2], id: 'id' });
    await made.commit(
      0,
      range(0, 1, () => ({ score: 0.5 })),
    );
    await made.giveUp(1, { state: 'DEAD', cause: 'oom', causeDetail: 'used 3 GiB of 2 GiB', attempts: 3 });
    const { manifest } = await aggregate(made.deps, { job: made.job });
    expect(manifest).toMatchObject({ rows: 3, succeeded: 1, failed: 2, tasks: { done: 1, dead: 1, cancelled: 0 } });
    const message = 'the memory was used up: the process was killed for it, or said so itself: used 3 GiB of 2 GiB';
    expect(await rows(made, 'from errors')).toEqual(
      [1, 2].map((n) => ({
        item_id: `item-${n}`,
        item_index: BigInt(n),
        status: 'failed',
        attempts: 3,
        duration_ms: 0,
        error_class: 'oom',
        error_message: message,
        cause: 'oom',
      })),
    );
    expect(await rows(made, 'select score from results')).toEqual([{ score: 0.5 }, { score: null }, { score: null }]);
  });

  test('what its checkpoint saved keeps its outcome, and its columns', async () => {
    const made = await job({ output: { mode: 'infer' }, tasks: [4] });
    const saved = {
      segments: [[succeeded(2, { x: 1.5 })], [failed(0, 'own failure')]],
      observed: [{ column: 'x', kinds: ['double'] }],
    } as const;
    await made.giveUp(0, { state: 'DEAD', cause: 'time-limit', attempts: 2 }, saved);
    const { manifest } = await aggregate(made.deps, { job: made.job });
    expect(manifest).toMatchObject({ rows: 4, succeeded: 1, failed: 3 });
    expect(await rows(made, 'select item_id, status, error_class, x from results')).toEqual([
      { item_id: 'item-0', status: 'failed', error_class: 'TypeError', x: null },
      { item_id: '1', status: 'failed', error_class: 'time-limit', x: null },
      { item_id: 'item-2', status: 'succeeded', error_class: null, x: 1.5 },
      { item_id: '3', status: 'failed', error_class: 'time-limit', x: null },
    ]);
  });

  test('a checkpoint that was damaged is not believed', async () => {
    const made = await job({ output: json, tasks: [2] });
    await made.giveUp(0, { state: 'DEAD', cause: 'lost', attempts: 1 }, { segments: [[succeeded(0)]] });
    await made.deps.store.put(
      'jobs/test-00000000/attempts/000000/77_0.0/seg/000001.jsonl',
      '{"schema":"slurmctl.segment/1"}\n',
    );
    const { manifest } = await aggregate(made.deps, { job: made.job });
    expect(manifest).toMatchObject({ succeeded: 0, failed: 2 });
    expect(made.warnings.join()).toContain('checkpoint not usable');
  });

  test('a cancelled task, and a record that never could be run', async () => {
    const made = await job({ output: json, tasks: [2], bad: [{ line: 1, message: 'line 2: unexpected end' }] });
    await made.giveUp(0, { state: 'CANCELLED', attempts: 0 });
    const { manifest } = await aggregate(made.deps, { job: made.job });
    expect(manifest.tasks).toEqual({ done: 0, dead: 0, cancelled: 1 });
    expect(await rows(made, 'select item_id, error_class, error_message, cause from errors')).toEqual([
      {
        item_id: '0',
        error_class: 'cancelled-by-user',
        error_message: 'the element was cancelled by its owner',
        cause: 'cancelled-by-user',
      },
      { item_id: '1', error_class: 'bad-input', error_message: 'line 2: unexpected end', cause: 'bad-input' },
    ]);
  });

  test('a task that came back from the dead is another output', async () => {
    const made = await job({ output: json, tasks: [1] });
    await made.giveUp(0, { state: 'DEAD', cause: 'lost', attempts: 1 });
    const dead = await aggregate(made.deps, { job: made.job });
    await made.commit(0, range(0, 1));
    const alive = await aggregate(made.deps, { job: made.job });
    expect(alive.published).toBe(true);
    expect(alive.publication).not.toBe(dead.publication);
    expect(await rows(made, 'select status from results')).toEqual([{ status: 'succeeded' }]);
  });
});

describe('infer over tasks', () => {
  test('types unify over the whole job, and names that clash are made free', async () => {
    const made = await job({ output: { mode: 'infer' }, tasks: [2, 2] });
    await made.commit(0, [succeeded(0, { n: 1, mixed: true, status: 'own' }), succeeded(1, { n: null, only: [1] })], {
      observed: [
        { column: 'n', kinds: ['int', 'null'] },
        { column: 'mixed', kinds: ['bool'] },
        { column: 'status', kinds: ['string'] },
        { column: 'only', kinds: ['json'] },
      ],
    });
    await made.commit(1, [succeeded(2, { n: 2.5, mixed: 7, late: null }), succeeded(3, { n: 'NaN', Late: 1 })], {
      observed: [
        { column: 'n', kinds: ['double'] },
        { column: 'mixed', kinds: ['int'] },
        { column: 'late', kinds: ['null'] },
        { column: 'Late', kinds: ['int'] },
      ],
    });
    const { manifest } = await aggregate(made.deps, { job: made.job });
    expect(manifest.columns.slice(7)).toEqual([
      { name: 'n', type: 'double' },
      { name: 'mixed', type: 'string' },
      { name: 'status_output', type: 'string' },
      { name: 'only', type: 'json' },
      { name: 'late', type: 'string' },
      { name: 'Late_output', type: 'bigint' },
    ]);
    expect(
      await rows(
        made,
        'select * exclude (item_id, item_index, status, attempts, duration_ms, error_class, error_message) from results',
      ),
    ).toEqual([
      { n: 1, mixed: 'true', status_output: 'own', only: null, late: null, Late_output: null },
      { n: null, mixed: null, status_output: null, only: '[1]', late: null, Late_output: null },
      { n: 2.5, mixed: '7', status_output: null, only: null, late: null, Late_output: null },
      { n: NaN, mixed: null, status_output: null, only: null, late: null, Late_output: 1n },
    ]);
  });

  test('a job in which nothing succeeded has only the fixed columns', async () => {
    const made = await job({ output: { mode: 'infer' }, tasks: [1, 1] });
    await made.commit(0, [failed(0)], { observed: [] });
    await made.giveUp(1, { state: 'DEAD', cause: 'node-fail', attempts: 1 });
    const { manifest } = await aggregate(made.deps, { job: made.job });
    expect(manifest.columns).toHaveLength(7);
    expect(await rows(made)).toHaveLength(2);
  });
});

describe('export', () => {
  test('csv and jsonl keep every value', async () => {
    const made = await job({
      output: { mode: 'columns', columns: { s: 'string', l: 'bigint', d: 'double', t: 'timestamp', j: 'json' } },
      tasks: [3],
    });
    await made.commit(0, [
      succeeded(
        0,
        '{"s":"a,\\"b\\"\\nü","l":9007199254740993,"d":"NaN","t":"2024-01-02T03:04:05.678Z","j":{"k":[1,9007199254740993]}}',
      ),
      succeeded(1, '{"s":"","l":-1,"d":0.1,"j":"x"}'),
      failed(2, ' lead'),
    ]);
    await aggregate(made.deps, { job: made.job });
    expect(await text(made, 'csv')).toBe(
      [
        'item_id,item_index,status,attempts,duration_ms,error_class,error_message,s,l,d,t,j',
        'item-0,0,succeeded,1,1.5,,,"a,""b""\nü",9007199254740993,NaN,2024-01-02T03:04:05.678Z,"{""k"":[1,9007199254740993]}"',
        'item-1,1,succeeded,1,1.5,,,"",-1,0.1,,"""x"""',
        'item-2,2,failed,1,1.5,TypeError," lead",,,,,',
        '',
      ].join('\n'),
    );
    expect(await text(made, 'jsonl')).toBe(
      [
        '{"item_id":"item-0","item_index":0,"status":"succeeded","attempts":1,"duration_ms":1.5,"error_class":null,"error_message":null,"s":"a,\\"b\\"\\nü","l":9007199254740993,"d":"NaN","t":"2024-01-02T03:04:05.678Z","j":{"k":[1,9007199254740993]}}',
        '{"item_id":"item-1","item_index":1,"status":"succeeded","attempts":1,"duration_ms":1.5,"error_class":null,"error_message":null,"s":"","l":-1,"d":0.1,"t":null,"j":"x"}',
        '{"item_id":"item-2","item_index":2,"status":"failed","attempts":1,"duration_ms":1.5,"error_class":"TypeError","error_message":" lead","s":null,"l":null,"d":null,"t":null,"j":null}',
        '',
      ].join('\n'),
    );
    expect(readdirSync(join(dir.path, 'scratch'))).toEqual([]);
  });
});

describe('a store without local files', () => {
  test('parts are fetched to merge, and the output to read; both leave nothing behind', async () => {
    const made = await job({ output: json, tasks: [2, 1] });
    await made.commit(0, range(0, 2));
    await made.commit(1, range(2, 1));
    const deps = { ...made.deps, store: { ...made.deps.store, localPath: () => null } };
    await aggregate(deps, { job: made.job });
    const opened = await openOutput(deps, made.job);
    expect(readFileSync(opened.resultsPath).byteLength).toBe(opened.manifest.files.results.bytes);
    await opened.dispose();
    expect(readdirSync(join(dir.path, 'scratch'))).toEqual([]);
  });
});
