// Merge of many parts: the aggregator (every hash verified, merged, published) against one bare DuckDB COPY … ORDER BY of the same parts.
// Usage: node test/bench/merge.bench.mjs [parts] [rows a part] [pairs]
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load, median, pairedRatio, report, say } from './support/measure.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const JOB = 'bench-00000000';
const ATTEMPT = '1_0.0';
const COLUMNS = { score: 'double', label: 'string', n: 'bigint' };

async function drivers(root) {
  const [
    { createSystemClock },
    { createSystemIds },
    { createFsObjectStore },
    { createFsStateTable },
    { createScratch },
  ] = await Promise.all(
    [
      'backends/clock.js',
      'backends/random.js',
      'backends/object-store/fs.js',
      'backends/state-table/fs.js',
      'backends/scratch.js',
    ].map(load),
  );
  const clock = createSystemClock();
  const ids = createSystemIds(clock);
  mkdirSync(join(root, 'scratch'), { recursive: true });
  return {
    store: createFsObjectStore({ root: join(root, 'objects'), ids }),
    state: createFsStateTable({ root: join(root, 'state'), ids, clock }),
    scratch: createScratch({ env: { SLURMCTL_SCRATCH: join(root, 'scratch') }, ids }),
  };
}

/** One real result file: its bytes are every task's results.sqlite, since only their number matters here. */
async function resultBytes(root, rows) {
  const { createSqliteResultFiles } = await load('backends/result-file/index.js');
  const path = join(root, 'results.sqlite');
  const file = (await createSqliteResultFiles()).create(path);
  file.append(
    Array.from({ length: rows }, (_none, n) => ({
      itemId: `item-${n}`,
      itemIndex: n,
      status: 'succeeded',
      attempts: 1,
      durationMs: n / 10,
      errorClass: null,
      errorMessage: null,
      cause: null,
      output: JSON.stringify({ score: n / 7, label: sha256(String(n)).slice(0, 32), n: n * 31 }),
    })),
  );
  file.seal();
  return readFileSync(path);
}

async function prepare(root, parts, rows) {
  const { store, state } = await drivers(root);
  const keys = await load('domain/keys.js');
  const { canonicalJson } = await load('domain/canonical-json.js');
  const { taskIdOf } = await load('domain/ids.js');
  const { metaKey, shardCount, taskKey } = await load('domain/state-keys.js');
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const results = await resultBytes(root, rows);
  const shards = shardCount(parts);
  const spec = { name: 'bench', input: { kind: 'file' }, output: { mode: 'columns', columns: COLUMNS } };
  const specHash = sha256(canonicalJson({ spec, backends: {} }));
  await store.put(
    keys.jobManifestKey(JOB),
    JSON.stringify({
      schema: 'slurmctl.job-manifest/1',
      job: JOB,
      createdMs: 1,
      spec,
      backends: {},
      specHash,
      inputDigest: '',
      handlerSha256: null,
      counts: { items: parts * rows, tasks: parts, bytes: 1, badRecords: 0 },
      shards,
      version: '0',
    }),
  );
  await state.write(
    metaKey(JOB),
    {
      set: {
        state: 'AGGREGATING',
        stage: 'ready',
        name: 'bench',
        generation: 1,
        specHash,
        tasks: parts,
        items: parts * rows,
        shards,
      },
    },
    { op: 'item-absent' },
  );
  const items = [];
  for (let number = 0; number < parts; number += 1) {
    const task = taskIdOf(number);
    const first = number * rows;
    const path = join(root, 'part.parquet');
    // As a leaf part is: gzip, the fixed columns, cause, then the declared ones; one item in a hundred has failed.
    await connection.run(`COPY (
      SELECT 'item-' || i AS item_id, i::BIGINT AS item_index, if(bad, 'failed', 'succeeded') AS status, 1::INT AS attempts, (hash(i * 7) % 1000) / 10.0 AS duration_ms,
        if(bad, 'TypeError', NULL) AS error_class, if(bad, 'x is not a function ' || i, NULL) AS error_message, if(bad, 'handler-error', NULL) AS cause,
        (hash(i * 3) % 100000) / 7.0 AS score, md5(i::VARCHAR) AS label, (i * 31)::BIGINT AS n
      FROM (SELECT i, hash(i) % 100 = 0 AS bad FROM range(${first}, ${first + rows}) t(i))) TO '${path}' (FORMAT parquet, COMPRESSION gzip)`);
    const failed = Number(
      (await connection.runAndReadAll(`SELECT count(*) FROM '${path}' WHERE status = 'failed'`)).getRows()[0][0],
    );
    const part = await store.putFile(keys.partKey(JOB, task, ATTEMPT), path);
    const sqlite = await store.put(keys.resultsKey(JOB, task, ATTEMPT), results);
    const done = {
      schema: 'slurmctl.done/1',
      job: JOB,
      task,
      attempt: ATTEMPT,
      generation: 1,
      batchSha256: '',
      rows,
      succeeded: rows - failed,
      failed,
      firstItem: first,
      files: { part, results: sqlite, log: null },
      timings: {},
      node: 'n',
      version: '0',
    };
    const { sha256: sealed } = await store.put(keys.doneKey(JOB, task, ATTEMPT), JSON.stringify(done));
    items.push({
      key: taskKey(JOB, task, shards),
      item: {
        state: 'DONE',
        generation: 1,
        wave: 0,
        items: rows,
        attempts: 1,
        charged: 1,
        win: { attempt: ATTEMPT, sha256: sealed, rows, succeeded: rows - failed, failed },
      },
    });
  }
  await state.createMany(items);
  const paths = items.map((_item, number) => store.localPath(keys.partKey(JOB, taskIdOf(number), ATTEMPT)));
  writeFileSync(join(root, 'paths.json'), JSON.stringify(paths));
  return { partBytes: paths.reduce((sum, path) => sum + statSync(path).size, 0), resultBytes: results.length * parts };
}

const contenders = {
  async aggregate(root) {
    const { createColumnar } = await load('backends/columnar/duckdb.js');
    const { createLeafParts } = await load('backends/leaf-part/index.js');
    const { aggregate } = await load('aggregator/aggregate.js');
    const log = { debug() {}, info() {}, warn: console.error, error: console.error, child: () => log };
    const deps = { ...(await drivers(root)), columnar: createColumnar(), leafParts: createLeafParts(), log };
    await deps.store.deletePrefix(`jobs/${JOB}/output/`);
    await deps.store.delete([`jobs/${JOB}/final.json`]);
    return async () => {
      const { manifest } = await aggregate(deps, { job: JOB });
      return manifest.rows;
    };
  },
  async bare(root) {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const list = JSON.parse(readFileSync(join(root, 'paths.json'), 'utf8'))
      .map((path) => `'${path}'`)
      .join(', ');
    return async () => {
      const connection = await (await DuckDBInstance.create(':memory:')).connect();
      const result = await connection.run(
        `COPY (SELECT * FROM read_parquet([${list}]) ORDER BY item_index) TO '${join(root, 'bare.parquet')}' (FORMAT parquet, COMPRESSION zstd)`,
      );
      return result.rowsChanged;
    };
  },
};

async function main() {
  const [parts, rows, pairs] = [process.argv[2] ?? 1_000, process.argv[3] ?? 5_000, process.argv[4] ?? 5].map(Number);
  const root = mkdtempSync(join(tmpdir(), 'slurmctl-merge-bench-'));
  try {
    const sizes = await prepare(root, parts, rows);
    say(
      `${parts} parts, ${parts * rows} rows; parts ${(sizes.partBytes / 1e6).toFixed(0)} MB, results.sqlite ${(sizes.resultBytes / 1e6).toFixed(0)} MB`,
    );
    const seen = { aggregate: [], bare: [] };
    for (let pair = 0; pair < pairs; pair += 1)
      for (const name of pair % 2 === 0 ? ['aggregate', 'bare'] : ['bare', 'aggregate']) {
        // A process each: peak memory is a process's own, and nothing is warm for the second.
        const run = JSON.parse(
          execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--child', name, root], { encoding: 'utf8' }),
        );
        if (Number(run.rows) !== parts * rows) throw new Error(`${name}: ${run.rows} rows`);
        seen[name].push(run);
        say(
          `pair ${pair + 1} ${name.padEnd(9)} ${run.seconds.toFixed(2)} s, CPU ${run.cpuSeconds.toFixed(2)} s, peak RSS ${run.peakRssMb.toFixed(0)} MB`,
        );
      }
    const all = (name, field) => seen[name].map((run) => run[field]);
    const seconds = (name) => median(all(name, 'seconds'));
    const peak = (name) => Math.max(...all(name, 'peakRssMb'));
    report(
      'merge',
      [
        {
          what: `aggregate ${parts} parts, ${(parts * rows).toLocaleString('en')} rows, wall time against a bare COPY`,
          value: pairedRatio(all('aggregate', 'seconds'), all('bare', 'seconds')),
          unit: '×',
          atMost: 1.5,
        },
        { what: 'aggregate, wall time', value: seconds('aggregate'), unit: 's' },
        { what: 'bare `COPY … ORDER BY` beside it', value: seconds('bare'), unit: 's' },
        { what: 'aggregate, peak memory', value: peak('aggregate'), unit: 'MiB' },
        { what: 'bare COPY, peak memory', value: peak('bare'), unit: 'MiB' },
      ],
      { sizes, runs: seen },
    );
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function child(name, root) {
  const run = await contenders[name](root);
  const start = performance.now();
  const rows = await run();
  const seconds = (performance.now() - start) / 1000;
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  console.log(
    JSON.stringify({
      rows: Number(rows),
      seconds,
      cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
      peakRssMb: maxRSS / 1024,
    }),
  );
}

if (process.argv[2] === '--child') await child(process.argv[3], process.argv[4]);
else await main();
