// State in S3 and DynamoDB (fauxqs and DynamoDB Local on this host): slurmctl's drivers, the bare SDK with the same requests and the fs drivers, side
// by side; then the requests of a whole job, and `status` of a large one.
// Usage: node test/bench/aws.bench.mjs [--tasks 60] [--rounds 15] [--job-tasks 100] [--status-tasks 10000] [--status-rounds 5]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bareContender, driverContender, runPhases } from './support/aws-contenders.mjs';
import { jobRequests, totalOf } from './support/aws-job-requests.mjs';
import { startAwsServers } from './support/aws-servers.mjs';
import { interleaved, median, nodeMs, pairedRatio, report, say } from './support/measure.mjs';
import { makeProject, openProject, storeJob } from './support/project.mjs';

const { values } = parseArgs({
  options: {
    tasks: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '15' },
    'job-tasks': { type: 'string', default: '100' },
    'status-tasks': { type: 'string', default: '10000' },
    'status-rounds': { type: 'string', default: '5' },
  },
});
const ITEMS_A_TASK = 100;
const BUCKET = 'slurmctl-bench';
const TABLE = 'slurmctl-bench';
const URLS = {
  SLURMCTL_STORE: `s3://${BUCKET}/run`,
  SLURMCTL_STATE: `dynamodb://${TABLE}`,
  SLURMCTL_QUEUE: 'sqs://slurmctl-bench',
};

const servers = startAwsServers();
const home = mkdtempSync(join(tmpdir(), 'slurmctl-bench-aws-'));
const services = makeProject('aws', { env: { ...servers.env, ...URLS, SLURMCTL_LOCAL_SLOTS: '2' } });
const directory = makeProject('aws-fs');
try {
  await services.slurmctl('init', '--aws');
  const drivers = await compareDrivers();
  const job = await countJob();
  const status = await compareStatus();
  report('aws', [...drivers.figures, ...job.figures, ...status.figures], {
    drivers: drivers.detail,
    job: job.detail,
    status: status.detail,
  });
} finally {
  services.remove();
  directory.remove();
  rmSync(home, { recursive: true, force: true });
  servers.stop();
}

/** Short rounds in turn; each contender works below names that nobody has used. */
async function compareDrivers() {
  const tasks = Number(values.tasks);
  const batch = `${JSON.stringify({ id: 'doc', text: 'the quick brown fox jumps over the lazy dog' })}\n`.repeat(
    ITEMS_A_TASK,
  );
  const region = 'region=us-east-1';
  const urls = {
    store: `${URLS.SLURMCTL_STORE}?${region}&endpoint=${servers.env.AWS_ENDPOINT_URL_S3}&path-style=true`,
    state: `${URLS.SLURMCTL_STATE}?${region}&endpoint=${servers.env.AWS_ENDPOINT_URL_DYNAMODB}`,
  };
  const contenders = {
    ours: await driverContender(urls, servers.env),
    bare: bareContender({ bucket: BUCKET, table: TABLE, env: servers.env }),
    fs: await driverContender({ store: `file://${home}/objects`, state: `file://${home}/state` }, {}),
  };
  let runs = 0;
  const measured = (name) => async () => {
    runs += 1;
    const cpu = process.cpuUsage();
    const ms = await runPhases(contenders[name], { run: `jobs/bench-${runs}`, tasks, batch });
    const { user, system } = process.cpuUsage(cpu);
    return {
      ...ms,
      stored: ms.put + ms.create,
      all: Object.values(ms).reduce((a, b) => a + b, 0),
      cpu: (user + system) / 1000,
    };
  };
  const seen = await interleaved(Number(values.rounds), {
    ours: measured('ours'),
    bare: measured('bare'),
    fs: measured('fs'),
  });
  const of = (name, phase) => seen[name].map((one) => one[phase]);
  const ratio = (phase) => pairedRatio(of('ours', phase), of('bare', phase));
  const spread = of('ours', 'all').map((ms, round) => ms / of('bare', 'all')[round]);
  const perSecond = (name) => tasks / (median(of(name, 'stored')) / 1_000);
  say(`ratios of the rounds: ${spread.map((one) => one.toFixed(2)).join(' ')}`);
  const words = {
    put: 'PutObject',
    create: 'PutItem',
    get: 'GetObject',
    read: 'GetItem',
    claim: 'UpdateItem',
    list: 'Query',
  };
  return {
    figures: [
      { what: 'tasks stored a second (batch, manifest, item)', value: perSecond('ours'), unit: '' },
      { what: 'the same by the bare SDK', value: perSecond('bare'), unit: '' },
      { what: 'the same on a directory', value: perSecond('fs'), unit: '' },
      { what: 'wall time against the bare SDK, same requests', value: ratio('all'), unit: '×', atMost: 1.15 },
      { what: 'least ratio of a round', value: Math.min(...spread), unit: '×' },
      { what: 'greatest ratio of a round', value: Math.max(...spread), unit: '×' },
      ...Object.entries(words).map(([phase, word]) => ({ what: `of which: ${word}`, value: ratio(phase), unit: '×' })),
      { what: 'CPU time of the client against the bare SDK', value: ratio('cpu'), unit: '×' },
    ],
    detail: { tasks, seen },
  };
}

/** A whole job through the command line and its own finaliser; every process tells what it asked for. */
async function countJob() {
  const tasks = Number(values['job-tasks']);
  const items = tasks * ITEMS_A_TASK;
  services.lines('items.jsonl', items);
  services.write('handler.mjs', 'export default async ({ n }) => ({ doubled: n * 2 });\n');
  services.write(
    'job.yaml',
    `name: count\ninput: {file: items.jsonl}\nbatch: {items: ${ITEMS_A_TASK}}\nhandler: {module: ./handler.mjs}\nresources: {cpus: 1, memory: 200M, time: 10m}\n`,
  );
  const requests = await jobRequests(services, 'job.yaml');
  const writes = totalOf(requests, 'requests', ['PutItem', 'UpdateItem', 'DeleteItem']);
  const sent = totalOf(requests, 'bytesSent');
  const received = totalOf(requests, 'bytesReceived');
  return {
    figures: [
      { what: `state writes a task, whole job of ${tasks} tasks`, value: writes / tasks, unit: '', atMost: 6 },
      { what: `state writes an item, ${ITEMS_A_TASK} items a task`, value: writes / items, unit: '', atMost: 0.05 },
      { what: 'bytes of bodies sent an item', value: sent / items, unit: 'B' },
      { what: 'bytes of bodies received an item', value: received / items, unit: 'B' },
    ],
    detail: { requests },
  };
}

/** One `status` of a job that nobody has begun: every task item is read. */
async function compareStatus() {
  const tasks = Number(values['status-tasks']);
  const jobFile = `name: big\ninput: {file: big.jsonl}\nbatch: {items: 1}\nhandler: {module: ./handler.mjs}\nresources: {cpus: 1, memory: 100M, time: 1h}\n`;
  const stored = async (project) => {
    project.lines('big.jsonl', tasks);
    project.write('handler.mjs', 'export default async (item) => item;\n');
    project.write('big.yaml', jobFile);
    const start = performance.now();
    const { job } = await storeJob(project, await openProject(project), 'big.yaml');
    return { job, ms: performance.now() - start };
  };
  const [there, here] = [await stored(services), await stored(directory)];
  say(`stored ${tasks} tasks: services ${(there.ms / 1000).toFixed(1)} s, directory ${(here.ms / 1000).toFixed(1)} s`);
  const run = (project, job) => () => nodeMs(project.command('status', job), project.options);
  const times = await interleaved(Number(values['status-rounds']), {
    services: run(services, there.job),
    directory: run(directory, here.job),
  });
  const shown = JSON.parse((await services.slurmctl('status', there.job, '--json')).stdout).tasks.total;
  if (shown !== tasks) throw new Error(`${shown} tasks shown`);
  return {
    figures: [
      { what: `\`status\` of a job of ${tasks} tasks, whole process`, value: median(times.services) / 1000, unit: 's' },
      { what: 'the same on a directory', value: median(times.directory) / 1000, unit: 's' },
      { what: `split and store ${tasks} tasks of one item (one run)`, value: there.ms / 1000, unit: 's' },
      { what: 'the same on a directory', value: here.ms / 1000, unit: 's' },
    ],
    detail: { times },
  };
}
