// `slurmctl status`, `list` and `advance` as whole processes, with a job of 10,000 tasks on the fs drivers that local elements are working on.
// Usage: node test/bench/status.bench.mjs [--tasks 10000] [--rounds 9]
import { parseArgs } from 'node:util';
import { interleaved, load, median, nodeMs, pairedDifference, report, say } from './support/measure.mjs';
import { makeProject, openProject, storeJob } from './support/project.mjs';

const { values } = parseArgs({
  options: { tasks: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '9' } },
});
const TASKS = Number(values.tasks);
const OTHER_JOBS = 49;
const TASKS_OF_OTHERS = 40;
const AT_ONCE = 32;

const jobFile = (name, input) =>
  `name: ${name}\ninput: {file: ${input}}\nbatch: {items: 1}\nhandler: {module: ./wait.mjs, timeout: 1h}\nresources: {cpus: 1, memory: 100M, time: 1h}\n`;

const project = makeProject('status', { env: { SLURMCTL_LOCAL_SLOTS: '2' } });
let job;
try {
  project.lines('big.jsonl', TASKS);
  project.lines('small.jsonl', TASKS_OF_OTHERS);
  project.write('big.yaml', jobFile('big', 'big.jsonl'));
  project.write('small.yaml', jobFile('small', 'small.jsonl'));
  const drivers = await openProject(project);
  for (let n = 0; n < OTHER_JOBS; n += 1) await storeOther(drivers, n);
  const submitted = await project.slurmctl('submit', 'big.yaml');
  job = submitted.stdout.trim();
  say(`submitted ${TASKS} tasks in ${(submitted.ms / 1000).toFixed(1)} s`);
  await commitSome(drivers, job);
  await measure(job, submitted.ms);
} finally {
  if (job !== undefined) await stop(job).catch((error) => say(`could not stop: ${error.message}`));
  project.remove();
}

async function measure(id, submitMs) {
  const run =
    (...args) =>
    () =>
      nodeMs(project.command(...args), project.options);
  const times = await interleaved(Number(values.rounds), {
    node: () => nodeMs(['-e', '0'], project.options),
    status: run('status', id),
    list: run('list'),
    advance: run('advance', id),
  });
  const { stdout } = await project.slurmctl('status', id, '--json');
  const { tasks } = JSON.parse(stdout);
  const shown = `${tasks.total} tasks, ${tasks.done} done, ${tasks.running} running`;
  if (tasks.total !== TASKS || tasks.running !== 2 || tasks.done !== committed())
    throw new Error(`unexpected: ${shown}`);
  const listed = JSON.parse((await project.slurmctl('list', '--all', '--json')).stdout).jobs.length;
  if (listed !== OTHER_JOBS + 1) throw new Error(`${listed} jobs listed`);
  report(
    'status',
    [
      {
        what: `\`status\` of a job of ${TASKS} tasks, whole process`,
        value: median(times.status) / 1000,
        unit: 's',
        atMost: 0.5,
      },
      { what: '`node -e 0` beside it', value: median(times.node) / 1000, unit: 's' },
      { what: '`advance` of that job while elements run', value: median(times.advance) / 1000, unit: 's' },
      { what: `\`list\` of that job and ${OTHER_JOBS} others`, value: median(times.list) / 1000, unit: 's' },
      { what: `\`submit\` of it (split and stored, one run)`, value: submitMs / 1000, unit: 's' },
    ],
    { shown, overNodeMs: Math.round(pairedDifference(times.status, times.node)), times },
  );
}

function committed() {
  return Math.floor(TASKS * 0.6);
}

/** Gives tasks that nobody has claimed the state that a worker's commit gives them. */
async function commitSome(drivers, id) {
  const { taskIdOf } = await load('domain/ids.js');
  const { shardCount, taskKey } = await load('domain/state-keys.js');
  const shards = shardCount(TASKS);
  let [next, done] = [0, 0];
  const commit = async () => {
    while (done < committed() && next < TASKS) {
      const task = taskIdOf(next);
      next += 1;
      done += 1;
      const attempt = '9999_0.0';
      const win = { attempt, sha256: 'c'.repeat(64), rows: 1, succeeded: 1, failed: 0 };
      const set = {
        state: 'DONE',
        owner: attempt,
        node: 'n1',
        heartbeatMs: drivers.clock.nowMs(),
        progress: 1,
        progressFailed: 0,
        win,
      };
      const pending = { op: 'equals', path: 'state', value: 'PENDING' };
      const result = await drivers.state.write(
        taskKey(id, task, shards),
        { set, add: { attempts: 1, charged: 1 } },
        pending,
      );
      if (!result.applied) done -= 1;
    }
  };
  await untilRunning(id);
  await Promise.all(Array.from({ length: AT_ONCE }, commit));
  say(`${done} of them committed`);
}

/** Both local elements have claimed their task and wait in the handler. */
async function untilRunning(id) {
  for (let look = 0; look < 100; look += 1) {
    const { tasks } = JSON.parse((await project.slurmctl('status', id, '--json')).stdout);
    if (tasks.running === 2) return;
  }
  throw new Error('the local elements did not start');
}

/** A job as `list` meets it: every other one is over, with its counts rolled up. */
async function storeOther(drivers, n) {
  const { job: id, meta } = await storeJob(project, drivers, 'small.yaml');
  if (n % 2 === 0) return;
  const { metaKey, rollupKey } = await load('domain/state-keys.js');
  const zero = { pending: 0, submitted: 0, running: 0, wait: 0, dead: 0, cancelled: 0 };
  const rollup = {
    tasks: { ...zero, total: meta.tasks, done: meta.tasks },
    items: { total: meta.items, succeeded: meta.items, failed: 0, pending: 0 },
  };
  await drivers.state.write(rollupKey(id), { set: rollup }, { op: 'item-absent' });
  await drivers.state.write(
    metaKey(id),
    { set: { state: 'COMPLETED', finishedMs: drivers.clock.nowMs() } },
    { op: 'item-present' },
  );
}

async function stop(id) {
  await project.slurmctl('cancel', id);
}
