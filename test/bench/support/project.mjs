// A project directory with jobs of its own, made through the real command line and the coordinator's own code.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, projectFile, wallMs } from './measure.mjs';

/** Never settles before it is told to stop: the task of the element that runs it stays RUNNING. */
const WAITING_HANDLER = `export default (_item, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));\n`;

export function makeProject(name, { env = {} } = {}) {
  const dir = mkdtempSync(join(tmpdir(), `slurmctl-bench-${name}-`));
  const full = {
    ...process.env,
    NO_COLOR: '1',
    SLURMCTL_HOME: join(dir, 'home'),
    SLURMCTL_SCRATCH: join(dir, 'scratch'),
    XDG_CACHE_HOME: join(dir, 'cache'),
    SLURMCTL_SCHEDULER: 'local',
    ...env,
  };
  mkdirSync(join(dir, 'scratch'));
  writeFileSync(join(dir, 'wait.mjs'), WAITING_HANDLER);
  const options = { cwd: dir, env: full };
  const bin = projectFile('bin/slurmctl.js');
  return {
    dir,
    options,
    /** argv of `node` for a slurmctl command. */
    command: (...args) => [bin, ...args],
    /** Runs a slurmctl command to its end: `{ms, stdout}`. */
    slurmctl: (...args) => wallMs([process.execPath, bin, ...args], options),
    write: (file, text) => writeFileSync(join(dir, file), text),
    lines: (file, count) =>
      writeFileSync(join(dir, file), Array.from({ length: count }, (_none, n) => `{"n":${n}}\n`).join('')),
    remove: () => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }),
  };
}

/** The drivers of a project's home, as the command line opens them. */
export async function openProject(project) {
  const { createSurroundings, openDrivers } = await load('app/job-backends.js');
  const { loadSettings } = await load('config/settings.js');
  const settings = await loadSettings({ flags: {}, env: project.options.env, cwd: project.dir });
  const { home, store, state, queue } = settings;
  return openDrivers(createSurroundings(project.options.env), {
    home: home.value,
    store: store.value,
    state: state.value,
    queue: queue.value,
  });
}

/** Splits and stores the job of a job file through the coordinator, as `submit` does, but hands nothing to a scheduler. */
export async function storeJob(project, drivers, jobFile) {
  const { createCoordinatorDeps } = await load('app/coordinator-deps.js');
  const { readJob } = await load('app/read-job.js');
  const { continueCreation, newJobId, recordRequest } = await load('coordinator/create-job.js');
  const { acquireLease } = await load('coordinator/lease.js');
  const deps = await createCoordinatorDeps(drivers, 'local');
  const wanted = await readJob({
    jobFile: join(project.dir, jobFile),
    set: [],
    urls: drivers.urls,
    choice: { scheduler: 'local', from: 'bench' },
  });
  const job = newJobId(deps, wanted.spec.name);
  const lease = await acquireLease(deps, { name: `advance:${job}`, waitMs: 0 });
  try {
    await recordRequest(deps, job, wanted, lease.fence);
    return { job, meta: await continueCreation(deps, lease, { job }) };
  } finally {
    await lease.release();
  }
}
