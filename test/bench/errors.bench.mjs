// `slurmctl analyze-errors` of generated jobs: one that has ended, with a million published failures of few kinds and of very many, and one that
// runs, whose failures are read from the results of its tasks. A process each, because peak memory is a process's own.
// Usage: node test/bench/errors.bench.mjs [--tasks 10000] [--failures 1000000] [--running 1000]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { load, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '10000' },
    failures: { type: 'string', default: '1000000' },
    running: { type: 'string', default: '1000' },
    child: { type: 'string' },
    home: { type: 'string' },
  },
});
const FAILURES_A_TASK = 100;
const ITEMS_A_TASK = 1_000;
const NODES = 40;
const STARTED_MS = Date.UTC(2026, 0, 5);
const ATTEMPT = '77_0.0';
const GIB = 1024 ** 3;

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const SPEC = {
  name: 'errors',
  input: { kind: 'file', path: '/in', format: 'jsonl', compression: 'none', onBadRecord: 'stop' },
  resources: { cpus: 1, memoryBytes: 2 * GIB, timeMs: 3_600_000 },
  retry: { items: 1, attempts: 3 },
  output: { mode: 'json' },
};

/** A job whose tasks are all done, but for the last one where `isOpen`; `win` gives what each committed. */
async function storeJob(drivers, { job, tasks, isOpen, win }) {
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
    const done = {
      ...base,
      state: 'DONE',
      win: { attempt: ATTEMPT, sha256: await win(number, FAILURES_A_TASK), ...won, ran },
    };
    const item = isOpen && number === tasks - 1 ? { ...base, state: 'PENDING' } : done;
    items.push({ key: taskKey(job, taskIdOf(number), shards), item });
  }
  await drivers.state.createMany(items);
  return { job: { job, generation: 0, manifest }, tasks: items.map(({ key, item }) => ({ task: key.sort, item })) };
}

/** Errors as an aggregation publishes them, with `message` as SQL over the number `i` of the failure. */
async function publishErrors(drivers, project, { job, tasks }, message) {
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
  const results = { key: keys.outputResultsKey(job.job, publication), sha256: '', bytes: 0 };
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

/** Result files of a job that runs, one a task. */
async function storeResults(drivers, project, job) {
  const { createSqliteResultFiles } = await load('backends/result-file/index.js');
  const { taskIdOf } = await load('domain/ids.js');
  const keys = await load('domain/keys.js');
  const files = await createSqliteResultFiles();
  const path = join(project.dir, 'results.sqlite');
  return async (number, failed) => {
    const task = taskIdOf(number);
    const firstItem = number * ITEMS_A_TASK;
    const file = files.create(path);
    file.append(
      Array.from({ length: ITEMS_A_TASK }, (_none, n) => {
        const itemIndex = firstItem + n;
        const shared = { itemId: `item-${itemIndex}`, itemIndex, attempts: 1, durationMs: 1.5 };
        const ok = {
          errorClass: null,
          errorMessage: null,
          cause: null,
          output: `{"n":${n},"text":"${'x'.repeat(80)}"}`,
        };
        if (n % (ITEMS_A_TASK / failed) !== 0) return { ...shared, status: 'succeeded', ...ok };
        const errorMessage = `no row ${itemIndex} in /data/${itemIndex}.csv`;
        return {
          ...shared,
          status: 'failed',
          errorClass: 'TypeError',
          errorMessage,
          cause: 'handler-error',
          output: null,
        };
      }),
    );
    file.seal();
    const stored = await drivers.store.putFile(keys.resultsKey(job, task, ATTEMPT), path);
    rmSync(path);
    const results = { key: stored.key, sha256: stored.sha256, bytes: stored.bytes };
    const done = { schema: 'slurmctl.done/1', job, task, attempt: ATTEMPT, files: { results } };
    return (await drivers.store.put(keys.doneKey(job, task, ATTEMPT), JSON.stringify(done))).sha256;
  };
}

const FEW = `CASE WHEN i % 5 = 0 THEN 'no row ' || i || ' in /data/' || i || '.csv' ELSE 'quota of "user' || i || '" is used up after ' || i % 97 || ' s' END`;
/** A word of letters made of the number: no two messages have the same template. */
const MANY = `'cannot read ' || translate(i::VARCHAR, '0123456789', 'abcdefghij') || ' of ' || translate((i * 7)::VARCHAR, '0123456789', 'klmnopqrst') || ' here'`;
const JOBS = { few: 'few-00000000', many: 'many-00000000', running: 'running-00000000' };

async function main() {
  const [tasks, failures, running] = [values.tasks, values.failures, values.running].map(Number);
  if (failures !== tasks * FAILURES_A_TASK) throw new Error(`--failures must be ${FAILURES_A_TASK} a task`);
  const project = makeProject('errors');
  try {
    const drivers = await openProject(project);
    const win = async () => 'c'.repeat(64);
    for (const [name, message] of Object.entries({ few: FEW, many: MANY })) {
      const stored = await storeJob(drivers, { job: JOBS[name], tasks, isOpen: false, win });
      await publishErrors(drivers, project, stored, message);
      say(`${name}: ${failures} failures of ${tasks} tasks published`);
    }
    const open = { job: JOBS.running, tasks: running, isOpen: true };
    await storeJob(drivers, { ...open, win: await storeResults(drivers, project, JOBS.running) });
    say(`running: ${running} tasks of ${ITEMS_A_TASK} items committed`);
    const seen = {};
    for (const name of Object.keys(JOBS)) {
      seen[name] = JSON.parse(
        execFileSync(
          process.execPath,
          [
            ...(process.env.O1_PROF ? ['--cpu-prof', `--cpu-prof-dir=/tmp/o1-prof-${name}`] : []),
            fileURLToPath(import.meta.url),
            '--child',
            name,
            '--home',
            project.dir,
          ],
          {
            encoding: 'utf8',
            env: project.options.env,
          },
        ),
      );
      say(`${name}: ${JSON.stringify(seen[name])}`);
    }
    const expected = { few: failures, many: failures, running: (running - 1) * FAILURES_A_TASK };
    for (const [name, { failedItems }] of Object.entries(seen))
      if (failedItems !== expected[name]) throw new Error(`${name}: ${failedItems} failed items`);
    const whole = await project.slurmctl('analyze-errors', JOBS.few, '--json');
    const status = await project.slurmctl('status', JOBS.few, '--json');
    const many = `${failures.toLocaleString('en')} published failures`;
    report(
      'errors',
      [
        {
          what: `\`analyze-errors\`, ${many} of 6 kinds, whole process`,
          value: whole.ms / 1000,
          unit: 's',
          atMost: 30,
        },
        { what: 'the same, peak memory', value: seen.few.peakRssMb, unit: 'MiB' },
        { what: `${many}, no two alike`, value: seen.many.seconds, unit: 's', atMost: 60 },
        { what: 'the same, peak memory', value: seen.many.peakRssMb, unit: 'MiB' },
        {
          what: `mid-run, ${(running * ITEMS_A_TASK).toLocaleString('en')} results of ${running} tasks, ${expected.running.toLocaleString('en')} failed`,
          value: seen.running.seconds,
          unit: 's',
        },
        { what: 'the same, peak memory', value: seen.running.peakRssMb, unit: 'MiB' },
        {
          what: `\`status\` of the job of ${tasks} tasks, whole process`,
          value: status.ms / 1000,
          unit: 's',
          atMost: 0.5,
        },
      ],
      seen,
    );
  } finally {
    project.remove();
  }
}

async function child(name, dir) {
  const drivers = await openProject({ dir, options: { env: process.env, cwd: dir } });
  const { analyzeErrors } = await load('app/analyze-errors.js');
  const start = performance.now();
  const { source, failedItems, groups, others } = await analyzeErrors(drivers, { job: JOBS[name], by: 'fingerprint' });
  const seconds = (performance.now() - start) / 1000;
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const [peakRssMb, cpuSeconds] = [Math.round(maxRSS / 1024), (userCPUTime + systemCPUTime) / 1e6];
  console.log(JSON.stringify({ seconds, cpuSeconds, peakRssMb, source, failedItems, groups: groups.length, others }));
}

if (values.child === undefined) await main();
else await child(values.child, values.home);
