// Start-up: `--version`, `--help`, `status` of a small job and a worker until its first claim, each against `node -e 0` in the same round.
// Usage: node test/bench/startup.bench.mjs [--rounds 15]
import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { interleaved, load, median, nodeMs, pairedDifference, projectFile, report } from './support/measure.mjs';
import { makeProject, openProject, storeJob } from './support/project.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '15' } } });

const project = makeProject('startup');
try {
  project.lines('one.jsonl', 1);
  project.write(
    'job.yaml',
    'name: one\ninput: {file: one.jsonl}\nhandler: {module: ./wait.mjs}\nresources: {cpus: 1, memory: 100M, time: 1h}\n',
  );
  const drivers = await openProject(project);
  const { job, meta } = await storeJob(project, drivers, 'job.yaml');
  const run =
    (...args) =>
    () =>
      nodeMs(project.command(...args), project.options);
  const times = await interleaved(Number(values.rounds), {
    node: () => nodeMs(['-e', '0'], project.options),
    version: run('--version'),
    help: run('--help'),
    status: run('status', job),
    worker: await claiming(drivers, job, meta),
  });
  const over = (name) => pairedDifference(times[name], times.node);
  report(
    'startup',
    [
      { what: '`node -e 0`', value: median(times.node), unit: 'ms' },
      { what: '`slurmctl --version`, beyond `node -e 0`', value: over('version'), unit: 'ms' },
      { what: '`slurmctl --help`, beyond `node -e 0`', value: over('help'), unit: 'ms' },
      { what: '`slurmctl status` of a job of one task, beyond `node -e 0`', value: over('status'), unit: 'ms' },
      { what: 'worker until its first claim, beyond `node -e 0`', value: over('worker'), unit: 'ms' },
    ],
    { times },
  );
} finally {
  project.remove();
}

/** Starts a worker, and answers when it has claimed the one task: the moment the head of the task's state item moves. */
async function claiming(drivers, job, meta) {
  const { placeOf } = await load('backends/state-table/fs-item-files.js');
  const { taskIdOf } = await load('domain/ids.js');
  const { metaKey, taskKey } = await load('domain/state-keys.js');
  const { fileURLToPath } = await import('node:url');
  await drivers.state.write(
    metaKey(job),
    { set: { state: 'RUNNING', wave: 0, submittedWave: 0 } },
    { op: 'item-present' },
  );
  const key = taskKey(job, taskIdOf(0), meta.shards);
  const place = placeOf(fileURLToPath(drivers.urls.state), key);
  const { home, store, state, queue } = drivers.urls;
  const assignment = {
    job,
    submission: '0'.repeat(26),
    wave: '0',
    offset: '0',
    'wave-elements': '1',
    home,
    store,
    state,
    queue,
    scheduler: 'local',
  };
  const argv = [
    projectFile('bin/slurmctl-worker.js'),
    ...Object.entries(assignment).flatMap(([name, value]) => [`--${name}`, value]),
  ];
  const env = { ...project.options.env, SLURM_ARRAY_JOB_ID: '1', SLURM_ARRAY_TASK_ID: '0' };
  return async () => {
    const change = { set: { state: 'PENDING' }, remove: ['owner', 'heartbeatMs', 'checkpoint', 'cause'] };
    await drivers.state.write(key, change, { op: 'item-present' });
    const watcher = watch(place.directory);
    try {
      const start = performance.now();
      const worker = spawn(process.execPath, argv, { ...project.options, env, stdio: 'ignore' });
      const ended = once(worker, 'exit');
      const claimed = new Promise((resolve) => {
        watcher.on('change', (_kind, name) => {
          if (name.startsWith(`${place.name}@`)) resolve(performance.now() - start);
        });
      });
      const ms = await Promise.race([claimed, ended]);
      worker.kill('SIGKILL');
      await ended;
      if (typeof ms !== 'number') throw new Error(`the worker ended with ${ms} before it claimed`);
      return ms;
    } finally {
      watcher.close();
    }
  };
}
