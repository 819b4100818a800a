// One worker over tasks with a handler that does nothing, in this process: CPU time from claim to commit as one JSON line.
// Usage: node test/bench/support/worker-run.mjs ITEMS ITEMS_A_TASK plain|phases DIR (a new directory is made in DIR and left there)
import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from './measure.mjs';

const [items, perTask] = process.argv.slice(2, 4).map(Number);
const phases = process.argv[4] === 'phases';

const [{ createSystemClock }, { createSystemIds, createSystemRandom }, { createHost }, { createScratch }] =
  await Promise.all([
    load('backends/clock.js'),
    load('backends/random.js'),
    load('backends/host.js'),
    load('backends/scratch.js'),
  ]);
const { createFsObjectStore } = await load('backends/object-store/fs.js');
const { createFsStateTable } = await load('backends/state-table/fs.js');
const { createHandlerHost } = await load('backends/handler/index.js');
const { createLeafParts } = await load('backends/leaf-part/index.js');
const { createSqliteResultFiles } = await load('backends/result-file/index.js');
const { canonicalJson } = await load('domain/canonical-json.js');
const { taskIdOf } = await load('domain/ids.js');
const { batchKey, jobManifestKey, taskManifestKey } = await load('domain/keys.js');
const { metaKey, taskKey } = await load('domain/state-keys.js');
const { runElement } = await load('worker/run-element.js');

const root = mkdtempSync(join(process.argv[5], 'run-'));
const spent = new Map();
const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const timed =
  (name, fn) =>
  (...args) => {
    const start = cpuUs();
    const result = fn(...args);
    const end = () => spent.set(name, (spent.get(name) ?? 0) + cpuUs() - start);
    if (typeof result?.then === 'function') return result.finally(end);
    end();
    return result;
  };
/** Phases are measured by wrapping the ports; what is left is the worker's own loop: decode, handler, normalise, outcome. */
const phased = (deps) => ({
  ...deps,
  resultFiles: {
    ...deps.resultFiles,
    create: (path) => {
      const file = deps.resultFiles.create(path);
      return { ...file, append: timed('sqlite append', file.append), seal: timed('sqlite seal', file.seal) };
    },
  },
  leafParts: { write: timed('leaf part (with sqlite read)', deps.leafParts.write) },
  store: {
    ...deps.store,
    get: timed('store get', deps.store.get),
    put: timed('store put', deps.store.put),
    putFile: timed('store putFile', deps.store.putFile),
  },
  state: { ...deps.state, write: timed('state write', deps.state.write), query: deps.state.query },
});

const clock = createSystemClock();
const ids = createSystemIds(clock);
const store = createFsObjectStore({ root: join(root, 'objects'), ids });
const state = createFsStateTable({ root: join(root, 'state'), ids, clock });
const path = join(root, 'handler.mjs');
writeFileSync(
  path,
  'export default async (payload) => ({ id: payload.id, score: payload.n / 7, label: payload.text });',
);
const job = await storeJob({ store, state, path });
const deps = {
  store,
  state,
  clock,
  random: createSystemRandom(),
  host: createHost(),
  scratch: createScratch({ env: { SLURMCTL_SCRATCH: root }, ids }),
  resultFiles: await createSqliteResultFiles(),
  leafParts: createLeafParts(),
  handlers: createHandlerHost(),
  log: quiet(),
  backoffMs: () => 0,
  stop: new AbortController().signal,
  version: 'bench',
};
const assignment = { job, submission: '0'.repeat(26), wave: 0, offset: 0, waveElements: 1 };
const wallStart = performance.now();
const start = cpuUs();
const wrapped = phases ? phased(deps) : deps;
const report = await runElement(wrapped, {
  assignment,
  batchJobId: '1',
  index: 0,
  restarts: 0,
  node: 'bench',
  endsAtMs: null,
});
const total = cpuUs() - start;
if (report.items !== items || report.failed !== 0) throw new Error(`unexpected report ${JSON.stringify(report)}`);
const each = (us) => Number((us / items).toFixed(2));
const ports = Object.fromEntries([...spent].map(([name, us]) => [name, each(us)]));
const rest = each(total) - Object.values(ports).reduce((sum, us) => sum + us, 0);
console.log(
  JSON.stringify({
    cpuUsPerItem: each(total),
    wallMs: Math.round(performance.now() - wallStart),
    phasesUsPerItem: phases ? { ...ports, 'decode, handler, normalise, outcome': Number(rest.toFixed(2)) } : null,
    rssMiB: Math.round(process.memoryUsage().rss / 1024 ** 2),
  }),
);

function quiet() {
  const nothing = () => undefined;
  const log = { debug: nothing, info: nothing, warn: console.error, error: console.error, child: () => log };
  return log;
}

async function storeJob({ store, state, path }) {
  const job = 'bench-00000000';
  const tasks = Math.ceil(items / perTask);
  const spec = {
    name: 'bench',
    baseDir: root,
    input: { kind: 'command', argv: ['true'], cwd: '/', format: 'jsonl', onBadRecord: 'stop' },
    batch: { items: perTask, bytes: 1 << 30 },
    handler: { kind: 'module', path, concurrency: 8, timeoutMs: 30_000 },
    resources: { cpus: 1, memoryBytes: 1 << 30, timeMs: 3_600_000 },
    slurm: { elements: 'auto', extra: [] },
    retry: { items: 3, attempts: 3, backoff: { baseMs: 1000, maxMs: 10_000 }, tolerate: {} },
    checkpoint: { everyMs: 60_000 },
    output: { mode: 'columns', columns: { id: 'string', score: 'double', label: 'string' } },
  };
  const backends = { home: root, store: store.rootUrl, state: state.rootUrl, queue: 'file:///q', scheduler: 'local' };
  const specHash = sha256(canonicalJson({ spec, backends }));
  const manifest = {
    schema: 'slurmctl.job-manifest/1',
    job,
    createdMs: 0,
    spec,
    backends,
    specHash,
    counts: { items, tasks },
    shards: 1,
  };
  await store.put(jobManifestKey(job), JSON.stringify(manifest));
  const meta = {
    state: 'RUNNING',
    stage: 'ready',
    generation: 1,
    specHash,
    tasks,
    items,
    shards: 1,
    wave: 0,
    submittedWave: 0,
  };
  await state.write(metaKey(job), { set: meta }, { op: 'item-absent' });
  for (let number = 0; number < tasks; number += 1) {
    const task = taskIdOf(number);
    const firstItem = number * perTask;
    const count = Math.min(perTask, items - firstItem);
    let text = '';
    for (let n = firstItem; n < firstItem + count; n += 1)
      text += `${JSON.stringify({ id: `doc-${n}`, n, text: `the quick brown fox ${n % 97} jumps over the lazy dog`, tags: ['a', 'b'] })}\n`;
    await store.put(batchKey(job, task), text);
    const batch = { key: batchKey(job, task), sha256: sha256(text), bytes: text.length };
    await store.put(
      taskManifestKey(job, task),
      JSON.stringify({ schema: 'slurmctl.task-manifest/1', task, batch, firstItem, items: count, bad: [] }),
    );
    const item = { state: 'PENDING', generation: 1, wave: 0, items: count, attempts: 0, charged: 0 };
    await state.write(taskKey(job, task, 1), { set: item }, { op: 'item-absent' });
  }
  return job;
}

function sha256(text) {
  return createHash('sha256').update(text).digest('hex');
}
