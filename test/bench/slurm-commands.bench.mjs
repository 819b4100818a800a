// How many commands of Slurm a whole job issues, on a real Slurm on this host, from `submit` until it is final, on the login side and inside its jobs: small and
// large, with failures that need a second wave, and with `slurmctl tick` beside it. Looking on is not counted.
// Usage: node test/bench/slurm-commands.bench.mjs [--items 200000]; needs `scripts/slurm-cluster install`. Takes minutes.
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { countingCommands } from './support/count-commands.mjs';
import { load, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';
import { startSlurmCluster } from './support/slurm-cluster.mjs';

const { values } = parseArgs({ options: { items: { type: 'string', default: '200000' } } });
const LARGE = Number(values.items);
const SMALL = 100;
const LOOK_EVERY_MS = 500;
const LONGEST_MS = 15 * 60_000;

const ECHO = 'export default ({ n }) => ({ n });\n';
/** The worker of a task's first attempt dies of its first item, so that the task runs again. */
const DIES_ONCE = `import { existsSync, writeFileSync } from 'node:fs';
export default ({ n }, { task }) => {
  const mark = new URL('./died-' + task.id, import.meta.url);
  if (existsSync(mark)) return { n };
  writeFileSync(mark, '');
  process.kill(process.pid, 'SIGKILL');
};
`;

const cluster = startSlurmCluster(['--nodes', '2', '--cpus', '2']);
try {
  const seen = {
    small: await run('small', { items: SMALL, perTask: 25 }),
    large: await run('large', { items: LARGE, perTask: 1_000 }),
    elements: await run('elements', { items: SMALL, perTask: 5, more: 'slurm: {elements: tasks}\n' }),
    retried: await run('retried', { items: SMALL, perTask: 25, handler: DIES_ONCE }),
    ticked: await run('ticked', { items: SMALL, perTask: 25, handler: slow(3_000), ticks: true }),
  };
  const { large, ticked } = seen;
  report(
    'slurm-commands',
    [
      { what: `commands of a job of ${LARGE} items`, value: large.commands, unit: '' },
      { what: 'of these by its array elements', value: large.by.element ?? 0, unit: '', atMost: 0 },
      {
        what: `commands for 1,000 items, ${LARGE} items (measured)`,
        value: per1000(large, LARGE),
        unit: '',
        atMost: 0.05,
      },
      {
        what: 'commands for 1,000 items, 10,000,000 items (reckoned)',
        value: per1000(large, 1e7),
        unit: '',
        atMost: 0.05,
      },
      { what: `commands of a job of ${SMALL} items`, value: seen.small.commands, unit: '', atMost: large.commands },
      { what: 'the same with one element a task', value: seen.elements.commands, unit: '', atMost: large.commands },
      { what: 'the same, every worker is killed once', value: seen.retried.commands, unit: '' },
      { what: 'of each `tick` beside a job', value: ticked.perTick, unit: '', atMost: 2 },
    ],
    seen,
  );
} finally {
  cluster.stop();
}

function per1000({ commands }, items) {
  return (commands * 1_000) / items;
}

function slow(ms) {
  return `export default async ({ n }) => { await new Promise((done) => setTimeout(done, ${ms})); return { n }; };\n`;
}

async function run(name, { items, perTask, handler = ECHO, more = '', ticks = false }) {
  const project = makeProject(name, { env: { ...cluster.env, SLURMCTL_SCHEDULER: 'auto' } });
  try {
    const counting = countingCommands(project.dir, project.options.env);
    project.options.env = counting.env;
    project.lines('items.jsonl', items);
    project.write('handler.mjs', handler);
    project.write(
      'job.yaml',
      `name: ${name}\ninput: {file: items.jsonl}\nbatch: {items: ${perTask}}\nhandler: {module: ./handler.mjs}\nresources: {cpus: 1, memory: 100M, time: 20m}\nretry: {backoff: 1s..2s}\n${more}`,
    );
    const drivers = await openProject(project);
    const job = (await project.slurmctl('submit', 'job.yaml')).stdout.trim();
    const perTick = ticks ? await tickThrice(project, counting) : null;
    const state = await finalState(drivers, job);
    if (state !== 'COMPLETED') throw new Error(`job ${name} ended ${state}`);
    await queueEmpty();
    const calls = counting.calls();
    const by = {};
    for (const { where } of calls) by[where] = (by[where] ?? 0) + 1;
    const run = { items, ...counting.counts(), by, perTick, calls };
    say(`${name}: ${run.commands} commands, ${JSON.stringify(run.each)}, ${JSON.stringify(by)}`);
    return run;
  } finally {
    project.remove();
  }
}

async function tickThrice(project, counting) {
  const before = counting.counts().commands;
  for (let tick = 0; tick < 3; tick += 1) await project.slurmctl('tick');
  return (counting.counts().commands - before) / 3;
}

/** The finaliser goes on for a moment. Asked of the real squeue. */
async function queueEmpty() {
  const ask = () => promisify(execFile)('squeue', ['-h'], { env: cluster.env });
  while ((await ask()).stdout.trim() !== '') await sleep(LOOK_EVERY_MS);
}

/** By the job's own item in the state table, which asks nothing of Slurm. */
async function finalState(drivers, job) {
  const { metaKey } = await load('domain/state-keys.js');
  const { isFinalJobState } = await load('domain/states.js');
  const deadline = performance.now() + LONGEST_MS;
  while (performance.now() < deadline) {
    const { state } = await drivers.state.get(metaKey(job));
    if (isFinalJobState(state)) return state;
    await sleep(LOOK_EVERY_MS);
  }
  throw new Error(`job ${job} did not end within ${LONGEST_MS / 60_000} minutes`);
}
