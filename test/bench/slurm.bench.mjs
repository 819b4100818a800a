// Makespan and number of Slurm commands on a real Slurm with its default scheduling parameters, 4 virtual nodes of 4 CPUs on this host: a job of
// 500 tasks of 40 trivial items, pulled by elements (the default) and with one element a task, against a bare array whose element runs `node -e 0`.
// Usage: node test/bench/slurm.bench.mjs [--tasks 500] [--items 40] [--rounds 1] [--nodes 4] [--cpus 4] [--name slurm]; needs `scripts/slurm-cluster install`. Takes minutes.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { countingCommands } from './support/count-commands.mjs';
import { load, median, pairedRatio, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';
import { startSlurmCluster } from './support/slurm-cluster.mjs';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '500' },
    items: { type: 'string', default: '40' },
    rounds: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '4' },
    cpus: { type: 'string', default: '4' },
    name: { type: 'string', default: 'slurm' },
  },
});
const TASKS = Number(values.tasks);
const ITEMS = TASKS * Number(values.items);
const LOOK_EVERY_MS = 250;
const LONGEST_MS = 30 * 60_000;

const RESOURCES = '{cpus: 1, memory: 100M, time: 10m}';
const jobFile = (elements) =>
  `name: bench\ninput: {file: items.jsonl}\nbatch: {items: ${values.items}}\nhandler: {module: ./echo.mjs}\nresources: ${RESOURCES}\nslurm: {elements: ${elements}}\n`;

// An interrupt ends the bench by its error, so that the cluster is stopped below.
const cluster = startSlurmCluster(['--nodes', values.nodes, '--cpus', values.cpus]);
const { env } = cluster;
try {
  const seen = { bare: [], auto: [], tasks: [] };
  for (let round = 0; round < Number(values.rounds); round += 1) {
    seen.auto.push(await runJob('auto', env));
    seen.bare.push(await runBare(env));
    seen.tasks.push(await runJob('tasks', env));
  }
  const seconds = (name) => seen[name].map((run) => run.seconds);
  const commands = (name) => median(seen[name].map((run) => run.commands));
  const what = `${TASKS} tasks on ${values.nodes} × ${values.cpus} CPUs`;
  report(
    values.name,
    [
      {
        what: `${what}, elements pull, makespan against a bare array`,
        value: pairedRatio(seconds('auto'), seconds('bare')),
        unit: '×',
        atMost: 0.3,
      },
      {
        what: `${what}, one element a task, against a bare array`,
        value: pairedRatio(seconds('tasks'), seconds('bare')),
        unit: '×',
        atMost: 1.1,
      },
      { what: 'makespan, elements pull', value: median(seconds('auto')), unit: 's' },
      { what: 'makespan, one element a task', value: median(seconds('tasks')), unit: 's' },
      {
        what: `makespan, bare \`sbatch --array=0-${TASKS - 1}\` of \`node -e 0\``,
        value: median(seconds('bare')),
        unit: 's',
      },
      { what: 'Slurm commands, elements pull', value: commands('auto'), unit: '' },
      { what: 'Slurm commands, one element a task', value: commands('tasks'), unit: '' },
      { what: 'Slurm commands, bare array', value: commands('bare'), unit: '' },
    ],
    seen,
  );
} finally {
  cluster.stop();
}

/** From `submit` to the moment at which the job is final, driven by its own finaliser. */
async function runJob(elements, env) {
  const project = makeProject(elements, { env: { ...env, SLURMCTL_SCHEDULER: 'slurm' } });
  try {
    const counting = countingCommands(project.dir, project.options.env);
    project.options.env = counting.env;
    project.lines('items.jsonl', ITEMS);
    project.write('echo.mjs', 'export default ({ n }) => ({ n });\n');
    project.write('job.yaml', jobFile(elements));
    const drivers = await openProject(project);
    const { metaKey } = await load('domain/state-keys.js');
    const { isFinalJobState } = await load('domain/states.js');
    const startMs = Date.now();
    const start = performance.now();
    const job = (await project.slurmctl('submit', 'job.yaml')).stdout.trim();
    const submitSeconds = (performance.now() - start) / 1000;
    const meta = await until(async () => {
      const item = await drivers.state.get(metaKey(job));
      return isFinalJobState(item.state) ? item : null;
    });
    const seconds = (performance.now() - start) / 1000;
    if (meta.state !== 'COMPLETED') throw new Error(`the job ended ${meta.state}: ${meta.reason}`);
    const counted = counting.counts();
    const status = JSON.parse((await project.slurmctl('status', job, '--json')).stdout);
    if (status.items.succeeded !== ITEMS) throw new Error(`${status.items.succeeded} of ${ITEMS} items succeeded`);
    await queueEmpty(env);
    const run = {
      seconds,
      submitSeconds,
      ...spansOf(join(project.dir, 'home/elements', job), startMs),
      ...counted,
      submissions: status.submissions.map(({ kind, elements: count }) => `${kind} ${count}`),
    };
    say(
      `elements: ${elements}: ${seconds.toFixed(1)} s (submit ${submitSeconds.toFixed(1)} s, elements from ${run.firstElementS.toFixed(1)} to ${run.lastElementS.toFixed(1)} s, finaliser from ${run.finaliserS.toFixed(1)} s), ${JSON.stringify(counted.each)}`,
    );
    return run;
  } finally {
    project.remove();
  }
}

/** When elements and finaliser ran, by the files that Slurm writes their output to; seconds after the start. */
function spansOf(directory, startMs) {
  const files = (dir) =>
    readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(dir, entry.name)));
  const after = (ms) => (ms - startMs) / 1000;
  const elements = files(directory);
  const first = (stats) => Math.min(...stats.map((stat) => stat.birthtimeMs));
  const last = Math.max(...elements.map((stat) => stat.mtimeMs));
  return {
    firstElementS: after(first(elements)),
    lastElementS: after(last),
    finaliserS: after(first(files(join(directory, 'advance')))),
  };
}

/** The same number of array elements with nothing of slurmctl in them. */
async function runBare(env) {
  const dir = mkdtempSync(join(tmpdir(), 'slurmctl-bench-bare-'));
  try {
    const counting = countingCommands(dir, env);
    const element = join(dir, 'element.sh');
    writeFileSync(element, `#!/bin/sh\nexec '${process.execPath}' -e 0\n`);
    const argv = [
      '--parsable',
      `--array=0-${TASKS - 1}`,
      '--cpus-per-task=1',
      '--mem=100M',
      '--time=10',
      '--output=/dev/null',
      element,
    ];
    const start = performance.now();
    await promisify(execFile)('sbatch', argv, { env: counting.env, cwd: dir });
    await queueEmpty(env);
    const seconds = (performance.now() - start) / 1000;
    const counted = counting.counts();
    say(`bare array: ${seconds.toFixed(1)} s, ${JSON.stringify(counted.each)}`);
    return { seconds, ...counted };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Asked of the real squeue, so that looking on does not count. */
function queueEmpty(env) {
  return until(async () => {
    const { stdout } = await promisify(execFile)('squeue', ['-h', '-t', 'all', '-O', 'State'], { env });
    return stdout
      .split('\n')
      .every((state) => state.trim() === '' || /^(COMPLETED|FAILED|CANCELLED|TIMEOUT)/.test(state.trim()))
      ? true
      : null;
  });
}

async function until(ask) {
  const deadline = performance.now() + LONGEST_MS;
  while (performance.now() < deadline) {
    const answer = await ask();
    if (answer !== null) return answer;
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`gave up after ${LONGEST_MS / 60_000} minutes`);
}
