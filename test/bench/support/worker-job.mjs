// What the benches of the worker share: its drivers on a directory, and a job of small records.
import { createHash } from 'node:crypto';
import { load } from './measure.mjs';

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
const { createLocalSpillPlace, createSharedSpillPlace } = await load('backends/spill/places.js');
const { canonicalJson } = await load('domain/canonical-json.js');
const { taskIdOf } = await load('domain/ids.js');
const { batchKey, jobManifestKey, taskManifestKey } = await load('domain/keys.js');
const { metaKey, taskKey } = await load('domain/state-keys.js');

export const cpuUs = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/** What `runElement` needs, on drivers below `root`. */
export async function openWorker(root) {
  const clock = createSystemClock();
  const ids = createSystemIds(clock);
  const open = (path) => createFsObjectStore({ root: path, ids });
  return {
    store: createFsObjectStore({ root: `${root}/objects`, ids }),
    state: createFsStateTable({ root: `${root}/state`, ids, clock }),
    clock,
    random: createSystemRandom(),
    host: createHost(),
    spills: {
      shared: createSharedSpillPlace(root, open),
      local: createLocalSpillPlace({ env: { SLURMCTL_SCRATCH: root }, open, uid: process.getuid() }),
    },
    scratch: createScratch({ env: { SLURMCTL_SCRATCH: root }, ids }),
    resultFiles: await createSqliteResultFiles(),
    leafParts: createLeafParts(),
    handlers: createHandlerHost(),
    log: quiet(),
    backoffMs: () => 0,
    stop: new AbortController().signal,
    version: 'bench',
  };
}

export const elementInput = (job) => ({
  assignment: { job, submission: '0'.repeat(26), wave: 0, offset: 0, waveElements: 1 },
  batchJobId: '1',
  index: 0,
  restarts: 0,
  node: 'bench',
  endsAtMs: null,
});

function quiet() {
  const nothing = () => undefined;
  const log = { debug: nothing, info: nothing, warn: console.error, error: console.error, child: () => log };
  return log;
}

/** A job of small records, ready to be run. `extra`: more of its spec. */
export async function storeJob({ store, state }, { root, path, items, perTask, extra = {} }) {
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
    ...extra,
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
