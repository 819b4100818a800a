// How long a handler that hangs goes unnoticed: from the moment at which it begins to hang until the state of its task says that it is over. Found
// by handler.timeout where the handler only waits, by the watchdog where it lets nothing else happen in its process. On the local scheduler.
// Usage: node test/bench/hang.bench.mjs [--waiting 40] [--busy 10]
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { load, median, report, say } from './support/measure.mjs';
import { makeProject, openProject } from './support/project.mjs';

const { values } = parseArgs({
  options: { waiting: { type: 'string', default: '40' }, busy: { type: 'string', default: '10' } },
});
const LOOK_EVERY_MS = 50;
const TIMEOUT_MS = { waiting: 2_000, busy: 1_000 };

const HANG = { waiting: 'return new Promise(() => {});', busy: 'for (;;);' };

const handlerOf = (kind, faults) => `
import { writeFileSync } from 'node:fs';
export default ({ n }) => {
  const now = Date.now();
  writeFileSync(${JSON.stringify(`${faults}/`)} + n + '-' + now, String(now));
  ${HANG[kind]}
};
`;

const jobOf = (kind) => `
name: ${kind}
input: {file: ${kind}.jsonl, id: n}
batch: {items: 1}
handler: {module: ./${kind}.mjs, timeout: ${TIMEOUT_MS[kind]}ms}
resources: {cpus: 1, memory: 256M, time: 30m}
retry: {items: 1, attempts: 1, backoff: 100ms..100ms, tolerate: {items: 100%}}
output: {columns: {never: int}}
`;

/** Looks at the tasks until told to stop: when each was first seen to have left an attempt, in order, by number of the task. */
async function watchEnds(drivers, job, isOver) {
  const { taskPartition } = await load('domain/state-keys.js');
  const ends = new Map();
  const last = new Map();
  while (!isOver()) {
    for await (const { sort, item } of drivers.state.query(taskPartition(job, 0))) {
      const task = Number(sort);
      const before = last.get(task);
      const now = item.state === 'RUNNING' ? item.attempts : null;
      if (before !== undefined && before !== null && before !== now)
        ends.set(task, [...(ends.get(task) ?? []), Date.now()]);
      last.set(task, now);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return ends;
}

const jobsOf = async (drivers) => {
  const jobs = [];
  for await (const { sort } of drivers.state.query('JOBS')) jobs.push(sort);
  return jobs;
};

/** ms from each hang to the state that says so. */
async function measure(kind, count) {
  const project = makeProject(`hang-${kind}`);
  try {
    const faults = join(project.dir, 'faults');
    mkdirSync(faults);
    project.write(`${kind}.mjs`, handlerOf(kind, faults));
    project.write('job.yaml', jobOf(kind));
    project.lines(`${kind}.jsonl`, count);
    const drivers = await openProject(project);
    let over = false;
    const submitted = project.slurmctl('submit', 'job.yaml', '--wait').finally(() => (over = true));
    let [job] = await jobsOf(drivers);
    while (job === undefined && !over) [job] = await jobsOf(drivers);
    const ends = await watchEnds(drivers, job, () => over);
    await submitted;
    const began = new Map();
    for (const name of readdirSync(faults)) {
      const task = Number(name.split('-')[0]);
      began.set(
        task,
        [...(began.get(task) ?? []), Number(readFileSync(join(faults, name), 'utf8'))].toSorted((a, b) => a - b),
      );
    }
    return [...began].flatMap(([task, times]) =>
      times.map((atMs) => {
        const seen = ends.get(task)?.find((endMs) => endMs > atMs);
        if (seen === undefined) throw new Error(`task ${task} hung at ${atMs} and nothing says so`);
        return seen - atMs;
      }),
    );
  } finally {
    project.remove();
  }
}

const share = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)];

function figuresOf(what, delays) {
  const sorted = delays.toSorted((a, b) => a - b);
  say(`${what}: ${sorted.length} samples, ${sorted.join(' ')} ms`);
  const seconds = (ms) => ms / 1_000;
  return [
    { what: `${what}: median of ${sorted.length}`, value: seconds(median(sorted)), unit: 's' },
    { what: `${what}: 9 of 10 within`, value: seconds(share(sorted, 0.9)), unit: 's' },
    { what: `${what}: longest`, value: seconds(sorted.at(-1)), unit: 's' },
  ];
}

const waiting = await measure('waiting', Number(values.waiting));
const busy = await measure('busy', Number(values.busy));
report(
  'hang',
  [
    ...figuresOf('never answers (handler.timeout 2 s)', waiting),
    ...figuresOf('blocks its process (handler.timeout 1 s, grace 5 s)', busy),
  ],
  { waiting, busy },
);
