import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aggregate } from '../../src/aggregator/aggregate.ts';
import { openOutput } from '../../src/aggregator/read-output.ts';
import { asAttemptId, taskIdOf } from '../../src/domain/ids.ts';
import {
  batchKey,
  doneKey,
  finalKey,
  jobManifestKey,
  outputManifestKey,
  outputResultsKey,
  partKey,
  resultsKey,
  taskManifestKey,
} from '../../src/domain/keys.ts';
import type { DoneManifest, JobManifest } from '../../src/domain/manifest.ts';
import { canonicalJson } from '../../src/domain/canonical-json.ts';
import { makeJob, sha256, type CommittedJob } from '../support/committed-job.ts';
import { failed, range, succeeded } from '../support/outcomes.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const json = { mode: 'json' } as const;
const attempt = asAttemptId('77_0.0');
const second = taskIdOf(1);

let dir: ReturnType<typeof makeTempDir>;
let made: CommittedJob;
beforeEach(async () => {
  dir = makeTempDir('corrupt');
  made = await makeJob(dir.path, { output: json, tasks: [2, 2, 2] });
});
afterEach(() => dir.remove());

const commitAll = async (): Promise<void> => {
  for (const task of [0, 1, 2]) await made.commit(task, range(task * 2, 2));
};
const run = () => aggregate(made.deps, { job: made.job });
const matching = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

/** Fails with this code and message, and publishes nothing. */
async function refuses(code: string, message: RegExp): Promise<void> {
  await expect(run()).rejects.toMatchObject({ code, message: matching(message) });
  expect(await made.deps.store.head(finalKey(made.job))).toBeNull();
}

describe('a winner whose files lie', () => {
  beforeEach(commitAll);
  const part = () => made.path(partKey(made.job, second, attempt));
  const results = () => made.path(resultsKey(made.job, second, attempt));
  const done = () => made.path(doneKey(made.job, second, attempt));
  const flip = (path: string): void => {
    const bytes = readFileSync(path);
    bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] as number) ^ 1;
    writeFileSync(path, bytes);
  };

  test.each([
    [
      'part flipped',
      () => flip(part()),
      /task 000001: .*part\.parquet: found sha-256 "[0-9a-f]{64}", expected "[0-9a-f]{64}"/,
    ],
    ['part longer', () => appendFileSync(part(), 'x'), /task 000001: .*part\.parquet: found length \d+, expected \d+/],
    ['part missing', () => rmSync(part()), /task 000001: .*part\.parquet: it is missing/],
    ['results.sqlite flipped', () => flip(results()), /task 000001: .*results\.sqlite: found sha-256/],
    ['results.sqlite truncated', () => writeFileSync(results(), ''), /task 000001: .*results\.sqlite: found length 0/],
    ['results.sqlite missing', () => rmSync(results()), /task 000001: .*results\.sqlite: it is missing/],
    [
      'done.json edited',
      () => writeFileSync(done(), readFileSync(done(), 'utf8').replace('"node":"n1"', '"node":"n2"')),
      /task 000001: .*done\.json: found sha-256/,
    ],
    ['done.json missing', () => rmSync(done()), /task 000001: .*done\.json: it is missing/],
  ])('%s', async (_what, damage, message) => {
    damage();
    await refuses('RESULT_CORRUPT', message);
  });

  test('a part that lies is found in a store without local files too', async () => {
    flip(part());
    made = { ...made, deps: { ...made.deps, store: { ...made.deps.store, localPath: () => null } } };
    await refuses('RESULT_CORRUPT', /task 000001: .*part\.parquet/);
  });
});

describe('a seal that says something else than the commit', () => {
  test.each<[Partial<DoneManifest>, RegExp]>([
    [{ rows: 3, succeeded: 3 }, /found rows 3, expected 2/],
    [{ failed: 1 }, /succeeded plus failed 3, expected 2/],
    [{ generation: 2 }, /found generation 2, expected 1/],
    [{ attempt: asAttemptId('9_9.9') }, /found attempt "9_9.9", expected "77_0.0"/],
    [{ task: taskIdOf(2) }, /found task "000002", expected "000001"/],
  ])('%j', async (lie, message) => {
    await commitAll();
    await made.commit(1, range(2, 2), { done: lie });
    await refuses('RESULT_CORRUPT', message);
  });

  test('another schema', async () => {
    await commitAll();
    await made.commit(1, range(2, 2), { done: { schema: 'slurmctl.done/9' as DoneManifest['schema'] } });
    await refuses('RESULT_CORRUPT', /found schema "slurmctl.done\/9", expected "slurmctl.done\/1"/);
  });
});

describe('rows that do not add up', () => {
  beforeEach(commitAll);

  test.each([
    ['a part with a row less', range(2, 1), /task 000001: found 1 rows .*, expected 2 rows/],
    ['a part with a row more', range(2, 3), /task 000001: found 3 rows .*, expected 2 rows/],
    ['a part with an item twice', [succeeded(2), succeeded(2)], /task 000001: found 2 rows .* not every item once/],
    [
      'a part of other items',
      range(3, 2),
      /task 000001: found 2 rows .* from item 3 on, expected 2 rows .* from item 2 on/,
    ],
    [
      'a part with more failures than it admits',
      [succeeded(2), failed(3)],
      /task 000001: found 2 rows \(1 failed\) .*, expected 2 rows \(0 failed\)/,
    ],
  ])('%s', async (_what, outcomes, message) => {
    await made.commit(1, outcomes, { done: { rows: 2, succeeded: 2, failed: 0 } });
    await refuses('RESULT_INCOMPLETE', message);
  });

  test('a task that starts elsewhere', async () => {
    await made.commit(1, range(2, 2), { done: { firstItem: 3 } });
    await refuses(
      'RESULT_INCOMPLETE',
      /task 000001 starts at item 3, expected 2; task 000002 starts at item 4, expected 5/,
    );
  });

  test('the same in levels', async () => {
    await made.commit(1, range(3, 2));
    made = { ...made, deps: { ...made.deps, partsPerMerge: 2 } };
    await refuses('RESULT_INCOMPLETE', /task 000001: found 2 rows .* from item 3 on/);
  });
});

describe('manifests edited by hand', () => {
  const edit = (key: string, change: (text: string) => string): void =>
    writeFileSync(made.path(key), change(readFileSync(made.path(key), 'utf8')));

  test.each([
    ['spec', (text: string) => text.replace('"name":"test"', '"name":"other"'), /hash of spec and backends/],
    [
      'specHash with the spec',
      (text: string) => text.replace(/"specHash":"../, '"specHash":"zz'),
      /hash of spec and backends/,
    ],
    ['counts', (text: string) => text.replace('"items":6', '"items":7'), /found counts.items 7, expected 6/],
    [
      'schema',
      (text: string) => text.replace('job-manifest/1', 'job-manifest/2'),
      /found schema "slurmctl.job-manifest\/2"/,
    ],
    ['half of it', (text: string) => text.slice(0, 50), /is not JSON/],
  ])('job manifest: %s', async (_what, change, message) => {
    await commitAll();
    edit(jobManifestKey(made.job), change);
    await refuses('MANIFEST_CORRUPT', message);
  });

  test('job manifest: spec together with a hash that fits it, but not the job', async () => {
    await commitAll();
    edit(jobManifestKey(made.job), (text) => {
      const manifest = JSON.parse(text) as JobManifest;
      const spec = { ...manifest.spec, name: 'other' };
      const specHash = sha256(canonicalJson({ spec, backends: manifest.backends }));
      return JSON.stringify({ ...manifest, spec, specHash });
    });
    await refuses('MANIFEST_CORRUPT', /found specHash/);
  });

  test('the task manifest of a dead task, and its batch', async () => {
    await commitAll();
    await made.giveUp(1, { state: 'DEAD', cause: 'oom', attempts: 1 });
    const key = taskManifestKey(made.job, second);
    const good = readFileSync(made.path(key), 'utf8');
    edit(key, (text) => text.replace('"items":2', '"items":1'));
    await refuses('MANIFEST_CORRUPT', /task 000001: .*found items 1, expected 2/);
    writeFileSync(made.path(key), good);
    edit(batchKey(made.job, second), (text) => text.replace('item-2', 'item-9'));
    await refuses('STORE_CORRUPT', /000001\.jsonl/);
    rmSync(made.path(batchKey(made.job, second)));
    await refuses('STORE_NOT_FOUND', /000001\.jsonl/);
  });

  test('the publication: reading refuses it, aggregating makes it anew', async () => {
    await commitAll();
    const { publication } = await run();
    const key = outputManifestKey(made.job, publication);
    edit(key, (text) => text.replace('"rows": 6', '"rows": 7'));
    await expect(openOutput(made.deps, made.job)).rejects.toMatchObject({
      code: 'MANIFEST_CORRUPT',
      message: matching(/_manifest\.json: found sha-256/),
    });
    expect(await run()).toMatchObject({ published: true, publication });
    expect((await openOutput(made.deps, made.job)).manifest.rows).toBe(6);
    edit(finalKey(made.job), (text) => text.replace(/"publication": "[^"]*"/, '"publication": "../../other"'));
    await expect(openOutput(made.deps, made.job)).rejects.toMatchObject({
      code: 'MANIFEST_CORRUPT',
      message: matching(/final\.json: found publication/),
    });
    expect(await run()).toMatchObject({ published: true, publication });
  });

  test('published results cut short or gone', async () => {
    await commitAll();
    const { publication } = await run();
    const path = made.path(outputResultsKey(made.job, publication));
    appendFileSync(path, 'x');
    await expect(openOutput(made.deps, made.job)).rejects.toMatchObject({
      code: 'RESULT_CORRUPT',
      message: matching(/found \d+ bytes, expected \d+/),
    });
    rmSync(path);
    await expect(openOutput(made.deps, made.job)).rejects.toMatchObject({
      code: 'RESULT_CORRUPT',
      message: matching(/it is missing/),
    });
    expect(await run()).toMatchObject({ published: true, publication });
    await openOutput(made.deps, made.job);
  });

  test('results that lie are found when they are fetched', async () => {
    await commitAll();
    const { publication } = await run();
    const path = made.path(outputResultsKey(made.job, publication));
    const bytes = readFileSync(path);
    bytes[10] = (bytes[10] as number) ^ 1;
    writeFileSync(path, bytes);
    const remote = { ...made.deps, store: { ...made.deps.store, localPath: () => null } };
    await expect(openOutput(remote, made.job)).rejects.toMatchObject({ code: 'RESULT_CORRUPT' });
  });
});

describe('too early', () => {
  test('tasks that are not final are counted', async () => {
    await made.commit(0, range(0, 2));
    await made.setTask(1, { state: 'WAIT' });
    await refuses('JOB_BAD_STATE', /3 tasks, found 3 and of these 1 final \((1 WAIT, 1 RUNNING|1 RUNNING, 1 WAIT)\)/);
  });

  test('no output yet', async () => {
    await expect(openOutput(made.deps, made.job)).rejects.toMatchObject({ code: 'OUTPUT_NOT_READY' });
  });

  test('no such job', async () => {
    await expect(aggregate(made.deps, { job: 'none-00000000' as typeof made.job })).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
    });
  });
});
