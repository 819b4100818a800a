// The retry planner alone, and whole passes over a job of 10,000 tasks on the fs drivers: when nothing happened, and when every attempt has failed.
// Usage: node test/bench/advance.bench.mjs [--tasks 10000] [--failures 100000] [--rounds 3]
import { parseArgs } from 'node:util';
import { load, median, report, say } from './support/measure.mjs';
import { makeProject, openProject, storeJob } from './support/project.mjs';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '10000' },
    failures: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
  },
});
const TASKS = Number(values.tasks);
const FAILURES = Number(values.failures);
const ROUNDS = Number(values.rounds);
const FINGERPRINTS = 50;
const AT_ONCE = 32;

const plannerMs = [];
let fingerprints = 0;
for (let round = 0; round <= ROUNDS; round += 1) {
  const { ms, seen } = await decideAll();
  fingerprints = seen;
  if (round > 0) plannerMs.push(ms);
}
const perSecond = FAILURES / (median(plannerMs) / 1_000);
say(`planner: ${Math.round(perSecond)} decisions a second, ${fingerprints} fingerprints`);
if (fingerprints !== FINGERPRINTS) throw new Error(`${fingerprints} fingerprints`);

const project = makeProject('advance');
try {
  const passes = await measurePasses();
  report(
    'advance',
    [
      {
        what: `decisions of the planner, ${FAILURES} failures of ${FINGERPRINTS} kinds`,
        value: perSecond,
        unit: '1/s',
      },
      { what: `pass over ${TASKS} tasks that wait`, value: passes.quietMs / 1_000, unit: 's', atMost: 5 },
      {
        what: `pass that decides about ${TASKS} failed attempts`,
        value: passes.failedMs / 1_000,
        unit: 's',
        atMost: 60,
      },
      { what: `pass that lets ${TASKS} tasks be retried`, value: passes.releasedMs / 1_000, unit: 's', atMost: 60 },
    ],
    { plannerMs, passes },
  );
} finally {
  project.remove();
}

/** What a pass does for each failure short of state: fingerprint, rules, decision. */
async function decideAll() {
  const { decideRetry } = await load('retry/decide-retry.js');
  const { fingerprintOf } = await load('domain/fingerprint.js');
  const { effectiveRules } = await load('domain/builtin-rules.js');
  const rules = effectiveRules({});
  const policy = { attempts: 3, backoff: { baseMs: 30_000, maxMs: 3_600_000 } };
  const resources = { memoryBytes: 2 ** 31, timeMs: 3_600_000 };
  const seen = new Set();
  const start = performance.now();
  for (let n = 0; n < FAILURES; n += 1) {
    const message = `${kindOf(n)} while item ${n} of /data/run-${n}/in.json was read from 10.0.${n % 250}.7:443`;
    const failure = { cause: 'handler-error', errorClass: 'Error', message };
    seen.add(fingerprintOf(failure));
    decideRetry({
      task: { items: 500, attempts: 1, charged: 1 },
      failure,
      died: false,
      isCanary: false,
      rules,
      policy,
      resources,
      most: { memoryBytes: null, timeMs: null },
      random: 0.5,
    });
  }
  return { ms: performance.now() - start, seen: seen.size };
}

/** Words, because numbers do not tell one kind from another. */
function kindOf(n) {
  const kind = n % FINGERPRINTS;
  return `trouble ${'abcdefghij'[kind % 10]}${'klmno'[Math.floor(kind / 10)]}`;
}

async function measurePasses() {
  const drivers = await openProject(project);
  project.lines('in.jsonl', TASKS);
  project.write(
    'job.yaml',
    'name: retries\ninput: {file: in.jsonl}\nbatch: {items: 1}\nhandler: {module: ./wait.mjs}\nretry: {backoff: 1h..1h}\n',
  );
  const { job, meta } = await storeJob(project, drivers, 'job.yaml');
  const { createCoordinatorDeps } = await load('app/coordinator-deps.js');
  const { reconcileTasks } = await load('coordinator/reconcile.js');
  const { readManifest } = await load('coordinator/manifests.js');
  const real = await createCoordinatorDeps(drivers, 'local');
  // A clock that stands still: a pass that takes long would let go again what it decided at its beginning.
  let nowMs = real.clock.nowMs();
  const deps = { ...real, clock: { ...real.clock, nowMs: () => nowMs } };
  const manifest = await readManifest(drivers.store, job, meta);
  await failAll(drivers, job, meta.shards);
  const pass = async () => {
    const start = performance.now();
    const reconciled = await reconcileTasks(deps, { job, manifest, meta, elements: new Map() });
    return { ms: performance.now() - start, reconciled };
  };
  const failed = await pass();
  if (failed.reconciled.tasks.wait !== TASKS) throw new Error(JSON.stringify(failed.reconciled.tasks));
  const quiet = [];
  for (let round = 0; round < ROUNDS; round += 1) quiet.push((await pass()).ms);
  // The budget lets retries go as fast as successes earn them; infrastructure failures are not held back, and these are such.
  nowMs += 7_200_000;
  const released = await pass();
  if (released.reconciled.tasks.wait !== 0) throw new Error(JSON.stringify(released.reconciled.tasks));
  return { failedMs: failed.ms, quietMs: median(quiet), releasedMs: released.ms };
}

/** Every task as a preempted worker leaves it: in WAIT, nobody has decided about it. */
async function failAll(drivers, job, shards) {
  const { taskIdOf } = await load('domain/ids.js');
  const { taskKey } = await load('domain/state-keys.js');
  let next = 0;
  const fail = async () => {
    while (next < TASKS) {
      const task = taskIdOf(next);
      next += 1;
      const set = {
        state: 'WAIT',
        owner: '9999_0.0',
        node: 'n1',
        heartbeatMs: 1,
        cause: 'preempted',
        causeDetail: 'told to stop',
      };
      await drivers.state.write(
        taskKey(job, task, shards),
        { set, add: { attempts: 1, charged: 1 } },
        { op: 'equals', path: 'state', value: 'PENDING' },
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, fail));
  say(`${TASKS} tasks handed back`);
}
