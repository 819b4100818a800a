// A generated job whose failures can be grouped and looked at: its tasks, what they committed, and the errors as an aggregation publishes them.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { load } from './measure.mjs';

export const FAILURES_A_TASK = 100;
export const ITEMS_A_TASK = 1_000;
const NODES = 40;
const STARTED_MS = Date.UTC(2026, 0, 5);
export const ATTEMPT = '77_0.0';
const GIB = 1024 ** 3;

/** Messages of six kinds, as SQL over the number `i` of the failure. */
export const FEW = `CASE WHEN i % 5 = 0 THEN 'no row ' || i || ' in /data/' || i || '.csv' ELSE 'quota of "user' || i || '" is used up after ' || i % 97 || ' s' END`;

/** No two messages have the same template: a word of letters is made of the number. */
export const MANY = `'cannot read ' || translate(i::VARCHAR, '0123456789', 'abcdefghij') || ' of ' || translate((i * 7)::VARCHAR, '0123456789', 'klmnopqrst') || ' here'`;

/** What a task says of its failures with its commit: the three largest of six kinds, as long as they get. */
const SAID = ['TypeError', 'QuotaError', 'ExitError'].map((errorClass, at) => ({
  fingerprint: `1c0ffee0000${at}`,
  items: 27,
  cause: 'handler-error',
  errorClass,
  message: 'quota of "user4711" is used up after 42 s, and the next window begins in 18 min…',
}));

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const SPEC = {
  name: 'errors',
  input: { kind: 'file', path: '/in', format: 'jsonl', compression: 'none', id: 'id', onBadRecord: 'stop' },
  resources: { cpus: 1, memoryBytes: 2 * GIB, timeMs: 3_600_000 },
  handler: { kind: 'module', path: '/in.mjs', concurrency: 1, timeoutMs: 60_000 },
  retry: { items: 1, attempts: 3 },
  output: { mode: 'json' },
};

/** A job whose tasks are all done, or where `isOpen` the first `committed` of them; `win` gives what each committed. */
export async function storeFailedJob(drivers, { job, tasks, isOpen, win, committed = isOpen ? tasks - 1 : tasks }) {
  const { canonicalJson } = await load('domain/canonical-json.js');
  const { taskIdOf } = await load('domain/ids.js');
  const keys = await load('domain/keys.js');
  const { jobIndexKey, metaKey, rollupKey, shardCount, taskKey } = await load('domain/state-keys.js');
  const { state: stateUrl, store: storeUrl } = drivers.urls;
  const backends = { ...drivers.urls, state: stateUrl, store: storeUrl, scheduler: 'local' };
  const specHash = sha256(canonicalJson({ spec: SPEC, backends }));
  const shards = shardCount(tasks);
  const counts = { items: tasks * ITEMS_A_TASK, tasks, bytes: 1, badRecords: 0 };
  const shared = { schema: 'slurmctl.job-manifest/1', job, createdMs: STARTED_MS, spec: SPEC, backends, specHash };
  const manifest = { ...shared, inputDigest: '', handlerSha256: null, counts, shards, version: '0' };
  await drivers.store.put(keys.jobManifestKey(job), JSON.stringify(manifest));
  const about = { name: 'errors', createdMs: STARTED_MS };
  const place = { stage: 'ready', generation: 0, specHash, scheduler: 'local', fence: 1, wave: 0, submittedWave: 0 };
  const ended = isOpen ? { state: 'RUNNING' } : { state: 'COMPLETED_WITH_FAILURES', finishedMs: STARTED_MS + 36e5 };
  const meta = { ...about, updatedMs: STARTED_MS, ...place, tasks, items: counts.items, shards, ...ended };
  const index = { ...about, live: isOpen, backends };
  const none = { pending: 0, submitted: 0, running: 0, wait: 0, dead: 0, cancelled: 0 };
  const failed = tasks * FAILURES_A_TASK;
  const rollup = {
    generation: 0,
    tasks: { total: tasks, ...none, done: tasks },
    items: { total: counts.items, succeeded: counts.items - failed, failed, pending: 0 },
    failures: {
      groups: SAID.map((group) => ({ ...group, items: group.items * tasks })),
      ungrouped: failed - 81 * tasks,
    },
  };
  await drivers.state.createMany([
    { key: metaKey(job), item: meta },
    { key: jobIndexKey(job), item: index },
    ...(isOpen ? [] : [{ key: rollupKey(job), item: rollup }]),
  ]);
  const items = [];
  for (let number = 0; number < tasks; number += 1) {
    const base = { generation: 0, wave: 0, items: ITEMS_A_TASK, attempts: 1, charged: 1 };
    const ran = {
      node: `n${number % NODES}`,
      startedMs: STARTED_MS + number * 300,
      finishedMs: STARTED_MS + number * 300 + 6e4,
      cpuMs: 1_000,
    };
    const won = { rows: ITEMS_A_TASK, succeeded: ITEMS_A_TASK - FAILURES_A_TASK, failed: FAILURES_A_TASK };
    const said = { ...won, ran, failures: SAID };
    const item =
      number < committed
        ? { ...base, state: 'DONE', win: { attempt: ATTEMPT, sha256: await win(number, FAILURES_A_TASK), ...said } }
        : { ...base, attempts: 0, charged: 0, state: 'PENDING' };
    items.push({ key: taskKey(job, taskIdOf(number), shards), item });
  }
  await drivers.state.createMany(items);
  return { job: { job, generation: 0, manifest }, tasks: items.map(({ key, item }) => ({ task: key.sort, item })) };
}

/** Errors as an aggregation publishes them, with `message` as SQL over the number `i` of the failure. */
export async function publishErrors(drivers, project, { job, tasks }, message, { withResults = false } = {}) {
  const { inputDigest } = await load('aggregator/input-digest.js');
  const { sortTasks } = await load('aggregator/final-tasks.js');
  const keys = await load('domain/keys.js');
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const path = join(project.dir, 'errors.parquet');
  const every = ITEMS_A_TASK / FAILURES_A_TASK;
  await connection.run(`COPY (
    SELECT 'item-' || i * ${every} AS item_id, (i * ${every})::BIGINT AS item_index, 'failed' AS status, 1::INT AS attempts, 1.5::DOUBLE AS duration_ms,
      CASE i % 3 WHEN 0 THEN 'TypeError' WHEN 1 THEN 'QuotaError' ELSE 'ExitError' END AS error_class, ${message} AS error_message, 'handler-error' AS cause
    FROM range(0, ${tasks.length * FAILURES_A_TASK}) t(i)) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`);
  const publication = 'g0-bench';
  const errors = await drivers.store.putFile(keys.outputErrorsKey(job.job, publication), path);
  const digestOf = ({ key, sha256: hash, bytes }) => ({ key, sha256: hash, bytes });
  const results = withResults
    ? digestOf(
        await publishResults(drivers, { connection, path, key: keys.outputResultsKey(job.job, publication), tasks }),
      )
    : { key: keys.outputResultsKey(job.job, publication), sha256: '', bytes: 0 };
  const manifest = await drivers.store.put(
    keys.outputManifestKey(job.job, publication),
    JSON.stringify({
      schema: 'slurmctl.publication/1',
      job: job.job,
      publication,
      generation: 0,
      inputDigest: inputDigest(job, sortTasks(tasks).final),
      files: { results, errors: digestOf(errors) },
      tasks: { done: tasks.length, dead: 0, cancelled: 0 },
    }),
  );
  const pointer = { schema: 'slurmctl.final/1', publication, manifest: digestOf(manifest) };
  await drivers.store.put(keys.finalKey(job.job), JSON.stringify(pointer));
  rmSync(path);
}

/** What `dashboard` reads of ten million rows: one column. */
async function publishResults(drivers, { connection, path, key, tasks }) {
  await connection.run(`COPY (
    SELECT 'item-' || i AS item_id, i AS item_index, (2 + 40 * (hash(i) % 1000 / 1000.0) ** 3)::DOUBLE AS duration_ms
    FROM range(0, ${tasks.length * ITEMS_A_TASK}) t(i)) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`);
  return drivers.store.putFile(key, path);
}
