// Every command that looks at a job, as a whole process, with the most memory it had: of a job that has ended (10,000 tasks, 10,000,000 items,
// 1,000,000 failures), of one that runs, of which some tasks have results, failures and logs, and of a home with 1,000 jobs.
// Usage: node test/bench/observe.bench.mjs [--tasks 10000] [--committed 1000] [--jobs 1000] [--rounds 3]
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { storeCommitted } from './support/committed-tasks.mjs';
import { FAILURES_A_TASK, FEW, ITEMS_A_TASK, MANY, publishErrors, storeFailedJob } from './support/failed-job.mjs';
import { load, median, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '10000' },
    committed: { type: 'string', default: '1000' },
    jobs: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
  },
});
const [TASKS, COMMITTED, JOBS, ROUNDS] = [values.tasks, values.committed, values.jobs, values.rounds].map(Number);
const MIDDLE_TASK = Math.floor(COMMITTED / 2);
const FAILURES = TASKS * FAILURES_A_TASK;
const JOB = { ended: 'ended-00000000', unlike: 'unlike-00000000', running: 'running-00000000' };
/** `health` ends with these where it has something to tell. */
const TOLD = [0, 3, 5];
const expectThat = (what, isTrue) => {
  if (!isTrue) throw new Error(`unexpected: ${what}`);
};
const count = (number) => number.toLocaleString('en');
const lines = (text) => text.split('\n').length - 1;
const preload = fileURLToPath(new URL('support/say-usage.mjs', import.meta.url));

const project = makeProject('observe');
const crowd = makeProject('observe-list');
try {
  await storeJobs();
  await measure();
} finally {
  project.remove();
  crowd.remove();
}

async function storeJobs() {
  const drivers = await openProject(project);
  const win = async () => 'c'.repeat(64);
  const ended = await storeFailedJob(drivers, { job: JOB.ended, tasks: TASKS, isOpen: false, win });
  await publishErrors(drivers, project, ended, FEW, { withResults: true });
  const { metaKey } = await load('domain/state-keys.js');
  await drivers.state.write(metaKey(JOB.ended), { set: { publication: 'g0-bench' } }, { op: 'item-present' });
  const unlike = await storeFailedJob(drivers, { job: JOB.unlike, tasks: TASKS, isOpen: false, win });
  await publishErrors(drivers, project, unlike, MANY);
  say(`two jobs of ${TASKS} tasks and ${FAILURES} failures each have ended`);
  const stored = await storeCommitted(drivers, project, JOB.running);
  await storeFailedJob(drivers, { job: JOB.running, tasks: TASKS, isOpen: true, committed: COMMITTED, win: stored });
  await storeManifestsTo(drivers, MIDDLE_TASK);
  say(`one of ${TASKS} tasks runs, of which ${COMMITTED} are committed`);
  const others = await openProject(crowd);
  for (let n = 0; n < JOBS; n += 1)
    await storeFailedJob(others, { job: `job-${String(n).padStart(8, '0')}`, tasks: 4, isOpen: n % 50 === 0, win });
  say(`${JOBS} small jobs in another home`);
}

/** The manifests at which the task of an item is looked for, as far as they are of tasks without files. */
async function storeManifestsTo(drivers, wanted) {
  const { taskIdOf } = await load('domain/ids.js');
  const { taskManifestKey } = await load('domain/keys.js');
  for (let [low, high] = [0, TASKS - 1]; low <= high;) {
    const middle = Math.floor((low + high) / 2);
    const manifest = { task: taskIdOf(middle), firstItem: middle * ITEMS_A_TASK, items: ITEMS_A_TASK };
    if (middle >= COMMITTED)
      await drivers.store.put(taskManifestKey(JOB.running, manifest.task), JSON.stringify(manifest));
    if (middle === wanted) return;
    if (middle > wanted) high = middle - 1;
    else low = middle + 1;
  }
}

/** Wall time and CPU time (s), most memory (MiB) and output of a command: medians of its rounds. */
async function run(home, argv, rounds) {
  const seen = [];
  for (let round = 0; round < rounds; round += 1) seen.push(await runOnce(home, argv));
  const of = (name) => median(seen.map((one) => one[name]));
  return { seconds: of('seconds'), cpu: of('cpu'), mib: of('mib'), stdout: seen[0].stdout };
}

function runOnce(home, argv) {
  const usage = join(home.dir, 'usage');
  const env = { ...home.options.env, BENCH_USAGE: usage };
  const start = performance.now();
  const options = { ...home.options, env, stdio: ['ignore', 'pipe', 'pipe'] };
  const child = spawn(process.execPath, ['--import', preload, ...home.command(...argv)], options);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const seconds = (performance.now() - start) / 1_000;
      if (code === 0 || (argv[0] === 'health' && TOLD.includes(code)))
        resolve({ seconds, stdout, ...JSON.parse(readFileSync(usage, 'utf8')) });
      else reject(new Error(`${argv.join(' ')} ended with ${code}\n${stderr}`));
    });
  });
}

async function measure() {
  const figures = [];
  const detail = {};
  const add = async (what, argv, { rounds = ROUNDS, home = project, atMost, memoryAtMost, check } = {}) => {
    const { seconds, cpu, mib, stdout } = await run(home, argv, rounds);
    if (check !== undefined) expectThat(`${argv.join(' ')}: ${stdout.slice(0, 200)}`, check(stdout));
    figures.push({ what, value: seconds, unit: 's', ...(atMost === undefined ? {} : { atMost }) });
    figures.push({ what: 'its CPU time', value: cpu, unit: 's' });
    figures.push({
      what: 'its most memory',
      value: mib,
      unit: 'MiB',
      ...(memoryAtMost === undefined ? {} : { atMost: memoryAtMost }),
    });
    detail[what] = { seconds, cpu, mib };
    say(`${argv.join(' ')}: ${seconds.toFixed(2)} s, CPU ${cpu.toFixed(2)} s, ${mib} MiB`);
  };
  const page = join(project.dir, 'page.html');
  const failedOf = (job) => (text) => JSON.parse(text).failedItems === FAILURES && JSON.parse(text).jobId === job;
  const { ended, unlike, running } = JOB;
  const ofRunning = `a job of ${count(TASKS)} tasks that runs`;
  const ofEnded = `of one that ended, ${count(TASKS * ITEMS_A_TASK)} items`;
  const committed = `${count(COMMITTED * ITEMS_A_TASK)} results of ${count(COMMITTED)} tasks, ${count(COMMITTED * FAILURES_A_TASK)} failed`;
  await add(`\`status\` of ${ofRunning}`, ['status', running], { atMost: 0.5 });
  await add(`\`status\` ${ofEnded}`, ['status', ended], { atMost: 0.5 });
  await add(
    `\`analyze-errors\`, ${count(FAILURES)} published failures of 6 kinds`,
    ['analyze-errors', ended, '--json'],
    {
      rounds: 1,
      atMost: 8,
      memoryAtMost: 250,
      check: failedOf(ended),
    },
  );
  await add(
    `\`analyze-errors\`, ${count(FAILURES)} published failures, no two alike`,
    ['analyze-errors', unlike, '--json'],
    {
      rounds: 1,
      atMost: 60,
      check: failedOf(unlike),
    },
  );
  await add(`\`analyze-errors\` mid-run, ${committed}`, ['analyze-errors', running, '--json'], {
    rounds: 1,
    atMost: (10 * COMMITTED) / 10_000 + 1,
    check: (text) => JSON.parse(text).failedItems === COMMITTED * FAILURES_A_TASK,
  });
  await add(`\`dashboard\` ${ofEnded}, ${count(FAILURES)} failures`, ['dashboard', ended, '--out', page], {
    rounds: 1,
    atMost: 12,
  });
  const text = readFileSync(page, 'utf8');
  expectThat('figures of the page', text.includes(`data-figure="items.failed">${count(FAILURES)}<`));
  expectThat('a panel of the page is missing', !text.includes('could not be read'));
  figures.push({ what: 'length of its page', value: statSync(page).size / 1e6, unit: 'MB', atMost: 1 });
  await add(
    `\`dashboard\` of ${ofRunning}, ${count(COMMITTED * FAILURES_A_TASK)} failures`,
    ['dashboard', running, '--out', page],
    { rounds: 1 },
  );
  await add(`\`report\` ${ofEnded}`, ['report', ended]);
  await add(`\`events\` ${ofEnded}`, ['events', ended], { check: (told) => lines(told) > TASKS });
  await add(`\`metrics\` of three such jobs`, ['metrics']);
  await add(`\`health\` of three such jobs`, ['health']);
  await add(`\`list\` of ${count(JOBS)} jobs`, ['list'], { home: crowd });
  await add(`\`list --all\` of ${count(JOBS)} jobs`, ['list', '--all'], {
    home: crowd,
    check: (told) => lines(told) >= JOBS,
  });
  await add(`\`metrics\` of ${count(JOBS)} jobs, ${count(JOBS / 50)} of them live`, ['metrics'], { home: crowd });
  await add(`\`health\` of ${count(JOBS)} jobs`, ['health'], { home: crowd });
  const item = MIDDLE_TASK * ITEMS_A_TASK;
  await add(`\`logs --item\` of one of ${count(TASKS * ITEMS_A_TASK)} items`, ['logs', running, '--item', `#${item}`], {
    check: (told) => told.includes(`no row ${item} in`),
  });
  await add(`\`logs --failed\`, ${count(COMMITTED * FAILURES_A_TASK)} items`, ['logs', running, '--failed'], {
    rounds: 1,
    check: (told) => lines(told) === COMMITTED * FAILURES_A_TASK,
  });
  await add(`\`logs --grep\` over ${count(COMMITTED)} logs`, ['logs', running, '--grep', `row ${item} `], {
    rounds: 1,
    check: (told) => lines(told) === 1,
  });
  report('observe', figures, detail);
}
