// A rate limit kept by the workers of a job on a real Slurm, one array element each, against a provider that refuses what is too much: slurmctl's limiter
// in its place in the worker, a token bucket in the same table that the handler asks for every call, and an equal share for each. At the end some of the
// workers are killed. Usage: node test/bench/limits-slurm.bench.mjs [--workers 40] [--a-minute 3000] [--even-s 65] [--killed 4] [--killed-s 15]
//          [--tables fs,dynamodb] [--contenders limiter,bucket,split]; needs `scripts/slurm-cluster install`, and Java for DynamoDB.
import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { admittedShares, jainIndex, overAdmission, refusedShare, utilisation } from '../support/provider-judge.mjs';
import { startAwsServers } from './support/aws-servers.mjs';
import { makeTable } from './support/dynamo-table.mjs';
import { CONTENDERS, LIMIT, prepare } from './support/limit-contenders.mjs';
import { load, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';
import { startProvider } from './support/provider.mjs';
import { startSlurmCluster } from './support/slurm-cluster.mjs';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '40' },
    'a-minute': { type: 'string', default: '3000' },
    'even-s': { type: 'string', default: '65' },
    killed: { type: 'string', default: '4' },
    'killed-s': { type: 'string', default: '15' },
    tables: { type: 'string', default: 'fs,dynamodb' },
    contenders: { type: 'string', default: Object.keys(CONTENDERS).join(',') },
  },
});
const WORKERS = Number(values.workers);
const KILLED = Number(values.killed);
const RATE = { amount: Number(values['a-minute']), perMs: 60_000 };
const IN_FLIGHT = 4;
const CALL_MS = 200;
/** What the provider takes at once: five seconds' worth. */
const BURST = (RATE.amount / RATE.perMs) * 5_000;
/** From the first call of the last worker until those who came first have used what they bought while they were few. */
const SETTLING_MS = 8_000;
const LONGEST_MS = 10 * 60_000;
const NODES = 2;
const callersIn = (arrivals) => [...new Set(arrivals.map(({ caller }) => caller))];
const pidOf = (caller) => Number(caller.split('.')[1]);
const CALLER = fileURLToPath(new URL('../support/limit-caller.mjs', import.meta.url));

/** A task for each element, as many items in it as there are calls under way. */
const jobFile = (contender) => `
name: ${contender}
input: {file: items.jsonl}
batch: {items: ${IN_FLIGHT}}
handler: {module: ./limit-caller.mjs, concurrency: ${IN_FLIGHT}, timeout: 30m}
resources: {cpus: 1, memory: 200M, time: 30m}
slurm: {elements: ${WORKERS}}
${contender === 'limiter' ? `limits: [{name: ${LIMIT}, per: call}]` : ''}
`;

const cpus = Math.ceil(WORKERS / NODES) + 1;
const cluster = startSlurmCluster(['--nodes', NODES, '--cpus', cpus, '--memory', 300 * cpus, '--fast'].map(String));
const provider = await startProvider({ limits: { requests: { ...RATE, burst: BURST } }, latencyMs: CALL_MS });
const figures = [];
const detail = {};
let servers = null;
let tables = 0;
try {
  for (const table of values.tables.split(',')) {
    if (table !== 'fs') servers ??= startAwsServers();
    for (const contender of values.contenders.split(',')) judge(table, contender, await play(table, contender));
  }
} finally {
  provider.stop();
  cluster.stop();
  servers?.stop();
}
report('limits-slurm', figures, detail);

/** One job; what the provider saw from the moment at which everybody had called, and what the workers say. */
async function play(table, contender) {
  const endpoint = servers?.env.AWS_ENDPOINT_URL_DYNAMODB;
  const state = table === 'fs' ? {} : { SLURMCTL_STATE: await makeTable(`slurmctl-bench-${(tables += 1)}`, endpoint) };
  const project = makeProject(contender, {
    env: { ...cluster.env, ...servers?.env, ...state, SLURMCTL_SCHEDULER: 'slurm' },
  });
  try {
    const drivers = await openProject(project);
    await prepare(drivers.state, RATE);
    Object.assign(project.options.env, environmentOf(project, contender, drivers));
    copyFileSync(CALLER, join(project.dir, 'limit-caller.mjs'));
    project.lines('items.jsonl', WORKERS * IN_FLIGHT);
    project.write('job.yaml', jobFile(contender));
    await provider.begin();
    const job = (await project.slurmctl('submit', 'job.yaml')).stdout.trim();
    const seen = await watch();
    for (const caller of seen.killed) process.kill(pidOf(caller), 'SIGKILL');
    await sleep(1_000 * Number(values['killed-s']));
    const endMs = (await provider.ledger()).nowMs;
    project.write('over', '');
    const ends = await until(() => endsOf(project, job), WORKERS - KILLED);
    const { arrivals } = await provider.ledger();
    const { readLimit } = await load('limiter/site-limits.js');
    const { sold } = await readLimit(drivers.state, LIMIT);
    const costs = contender === 'limiter' ? ends.map(({ limits }) => limits[LIMIT]) : costsOf(project);
    await project.slurmctl('cancel', job);
    await queueEmpty();
    return { ...seen, endMs, arrivals, costs, sold: sold.requests ?? 0 };
  } finally {
    project.remove();
  }
}

function environmentOf(project, contender, drivers) {
  const figuresDir = join(project.dir, 'figures');
  mkdirSync(figuresDir);
  const places = { PROVIDER: provider.call, OVER: join(project.dir, 'over'), LIMIT };
  if (contender === 'limiter') return places;
  const run = { contender, state: drivers.urls.state, rate: RATE, share: 1 / WORKERS, figures: figuresDir };
  const keeper = new URL('support/limit-keeper.mjs', import.meta.url).href;
  return { ...places, KEEPER: keeper, KEEPER_RUN: JSON.stringify(run) };
}

/** Waits until everybody has called and has settled, and for as long as is measured. */
async function watch() {
  const callers = await until(async () => callersIn((await provider.ledger()).arrivals), WORKERS);
  await sleep(SETTLING_MS);
  const { nowMs: fromMs } = await provider.ledger();
  // All processes are on this machine: when it keeps one waiting it keeps all, and what they missed comes at once afterwards.
  const lateness = monitorEventLoopDelay({ resolution: 10 });
  lateness.enable();
  await sleep(1_000 * Number(values['even-s']));
  lateness.disable();
  const { nowMs: toMs } = await provider.ledger();
  return { callers, killed: callers.slice(0, KILLED), fromMs, toMs, latestMs: lateness.max / 1e6 };
}

/** The last lines of the workers that came to their end. */
function endsOf(project, job) {
  const directory = join(project.dir, 'home/elements', job);
  return readdirSync(directory, { withFileTypes: true })
    .filter((file) => file.isFile())
    .flatMap(({ name }) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => line.includes('"element ended"'))
    .map((line) => JSON.parse(line));
}

/** What the processes counted that asked something else than the limiter. */
function costsOf({ dir }) {
  return readdirSync(join(dir, 'figures')).map((name) => JSON.parse(readFileSync(join(dir, 'figures', name), 'utf8')));
}

function queueEmpty() {
  return until(async () => {
    const { stdout } = await promisify(execFile)('squeue', ['-h'], { env: cluster.env });
    return stdout.trim() === '' ? [true] : [];
  }, 1);
}

/** Asks until there are so many. */
async function until(ask, count) {
  const deadline = performance.now() + LONGEST_MS;
  for (;;) {
    const found = await ask();
    if (found.length >= count) return found;
    if (performance.now() > deadline)
      throw new Error(`${found.length} of ${count} after ${LONGEST_MS / 60_000} minutes`);
    await sleep(500);
  }
}

function judge(table, contender, { callers, killed, fromMs, toMs, latestMs, endMs, arrivals, costs, sold }) {
  const of = { unit: 'requests', rate: RATE };
  const used = (span) => 100 * utilisation(arrivals, { ...of, spans: [span] });
  const even = arrivals.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const sum = (name) => costs.reduce((all, cost) => all + cost[name], 0);
  const byKilled = arrivals.filter(({ caller }) => killed.includes(caller)).length;
  const calls = arrivals.filter(({ admitted, caller }) => admitted && !killed.includes(caller)).length;
  const isLimiter = contender === 'limiter';
  const seen = [
    ...[1, 10, 60].map((seconds) => ({
      what: `most in ${seconds} s above the rate`,
      value: 100 * overAdmission(arrivals, { ...of, windowMs: 1_000 * seconds }),
      unit: '%',
      ...(isLimiter && seconds > 1 ? { atMost: seconds === 60 ? 1 : 5 } : {}),
    })),
    { what: 'used of the rate, everybody busy', value: used({ fromMs, toMs }), unit: '%' },
    { what: `used of the rate, ${KILLED} of ${WORKERS} killed`, value: used({ fromMs: toMs, toMs: endMs }), unit: '%' },
    { what: 'Jain index', value: jainIndex(admittedShares(even, { unit: 'requests', callers })), unit: '' },
    { what: 'latest that this machine let a process run', value: latestMs, unit: 'ms' },
    { what: 'refused by the provider', value: 100 * refusedShare(arrivals), unit: '%' },
    { what: 'writes of the table a call', value: sum('writes') / calls, unit: '' },
    { what: 'reads of the table a call', value: sum('reads') / calls, unit: '' },
    ...(isLimiter && KILLED > 0
      ? [{ what: 'calls lost with a killed worker', value: (sold - sum('bought') - byKilled) / KILLED, unit: '' }]
      : []),
  ];
  figures.push(...seen.map((figure) => ({ ...figure, what: `${table}, ${contender}: ${figure.what}` })));
  const key = `${table} ${contender}`;
  detail[key] = {
    arrivals: arrivals.length,
    sold,
    costs,
    evenByCaller: admittedShares(even, { unit: 'requests', callers }),
  };
  say(`${table}, ${contender}: ${seen.map(({ what, value }) => `${what} ${value.toFixed(2)}`).join(' · ')}`);
  say(JSON.stringify(detail[key]));
}
