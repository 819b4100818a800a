/** The composition root of the command line: settings → drivers → rooms. Each method imports what it needs when it is called. */
import { dirname, resolve } from 'node:path';
import { loadSettings, type Settings } from '../config/settings.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobId } from '../domain/ids.ts';
import type { App, CreateApp, GlobalFlags } from './api.ts';
import { chooseScheduler } from './choose-scheduler.ts';
import { findJob, type KnownJob } from './find-job.ts';
import { createSurroundings, elementLogDir, openDrivers, type Drivers } from './job-backends.ts';
import { createDriversOf } from './job-drivers.ts';
import { schedulerOf } from './scheduler-of.ts';
import type { OnProgress } from './api.ts';

/** How long a submit waits out submit limits before it leaves the rest to `advance`. */
const SUBMIT_PATIENCE_MS = 10 * 60_000;
/** The same for one reconcile pass. */
const ADVANCE_PATIENCE_MS = 2 * 60_000;

/** What every method works with. */
interface Opened {
  readonly settings: Settings;
  readonly drivers: Drivers;
  /** A job and its own drivers. */
  readonly find: (
    reference: string,
  ) => Promise<{ readonly job: JobId; readonly known: KnownJob; readonly own: Drivers }>;
  /** The coordinator with the backends and the scheduler a job was submitted with. */
  readonly coordinatorOf: (known: KnownJob, onProgress?: OnProgress) => Promise<CoordinatorDeps>;
}

export const createApp: CreateApp = async ({ flags, env, cwd, jobFile }) => {
  const settings = await loadSettings({
    flags: flags as Partial<Record<keyof GlobalFlags, string | undefined>>,
    env,
    cwd,
    ...(jobFile === undefined ? {} : { jobFileDir: dirname(resolve(cwd, jobFile)) }),
  });
  const drivers = await openDrivers(createSurroundings(env), {
    home: settings.home.value,
    store: settings.store.value,
    state: settings.state.value,
    queue: settings.queue.value,
  });
  const driversOf = createDriversOf(drivers);
  const opened: Opened = {
    settings,
    drivers,
    async find(reference) {
      const known = await findJob(drivers.state, reference);
      return { job: known.id, known, own: await driversOf(known) };
    },
    async coordinatorOf(known, onProgress) {
      const { createCoordinatorDeps } = await import('./coordinator-deps.ts');
      const own = await driversOf(known);
      return createCoordinatorDeps(own, await schedulerOf(own, known.id), onProgress);
    },
  };
  return {
    ...submitting(opened, cwd),
    ...looking(opened),
    ...driving(opened),
    ...reading(opened),
    ...keeping(opened),
    close: async () => undefined,
  };
};

function submitting({ settings, drivers }: Opened, cwd: string): Pick<App, 'plan' | 'submit'> {
  const prepare = async (
    {
      jobFile,
      set,
      signal,
    }: { readonly jobFile: string; readonly set: readonly string[]; readonly signal?: AbortSignal },
    onProgress?: OnProgress,
  ) => {
    const { createCoordinatorDeps } = await import('./coordinator-deps.ts');
    const { readJob } = await import('./read-job.ts');
    const choice = await chooseScheduler(drivers, settings.scheduler);
    const wanted = await readJob({
      jobFile: resolve(cwd, jobFile),
      set,
      urls: drivers.urls,
      choice,
      ...(signal === undefined ? {} : { signal }),
    });
    return { choice, wanted, deps: await createCoordinatorDeps(drivers, choice.scheduler, onProgress) };
  };
  return {
    async plan({ jobFile, set }) {
      const { planJob } = await import('./plan-job.ts');
      const { choice, wanted, deps } = await prepare({ jobFile, set });
      return planJob(deps, wanted, {
        schedulerFrom: choice.from,
        elementLogDir: (job) => elementLogDir(drivers.urls.home, job),
      });
    },
    async submit(request) {
      const { submitFromFile } = await import('./submit-from-file.ts');
      const prepared = await prepare(request, request.onProgress);
      return submitFromFile(drivers, prepared, { ...request, patienceMs: SUBMIT_PATIENCE_MS });
    },
  };
}

function looking({ drivers, find }: Opened): Pick<App, 'status' | 'list' | 'watch' | 'logs'> {
  return {
    async status(reference) {
      const { statusDocument } = await import('./status-document.ts');
      const { job, own } = await find(reference);
      return statusDocument(own, job);
    },
    async list(request) {
      const { listDocument } = await import('./list-document.ts');
      return listDocument(drivers, request);
    },
    async *watch(request) {
      const { watchJob } = await import('./follow-job.ts');
      const { job, own } = await find(request.job);
      yield* watchJob(own, { ...request, job });
    },
    async *logs(request) {
      const { readLogs } = await import('./read-logs.ts');
      const { job, own } = await find(request.job);
      yield* readLogs(own, { ...request, job });
    },
  };
}

function driving(opened: Opened): Pick<App, 'follow' | 'advance' | 'tick' | 'cancel' | 'aggregate'> {
  const { drivers, find, coordinatorOf } = opened;
  return {
    async follow(request) {
      const { followJob } = await import('./follow-job.ts');
      const { job, known, own } = await find(request.job);
      return followJob(own, await coordinatorOf(known), { ...request, job });
    },
    async advance({ job: reference, waitLeaseMs = 0, onProgress }) {
      const { advanceDocument } = await import('./advance-document.ts');
      const { job, known } = await find(reference);
      const deps = await coordinatorOf(known, onProgress);
      return advanceDocument(deps, { job, waitLeaseMs, patienceMs: ADVANCE_PATIENCE_MS });
    },
    async tick() {
      const { tickAll } = await import('./tick-all.ts');
      return tickAll(drivers, coordinatorOf);
    },
    async cancel({ job: reference, reason }) {
      const { cancelJob } = await import('../coordinator/cancel.ts');
      const { job, known } = await find(reference);
      const done = await cancelJob(await coordinatorOf(known), job, reason ?? 'cancelled by its owner');
      return {
        schema: 'slurmctl.cancel/1',
        jobId: job,
        state: done.meta.state,
        cancelledSubmissions: done.submissions,
        tasksCancelled: done.tasks,
      };
    },
    async aggregate(reference, onProgress) {
      const { aggregateDocument } = await import('./aggregate-document.ts');
      const { job, own } = await find(reference);
      return aggregateDocument(own, job, onProgress);
    },
  };
}

function reading({ find }: Opened): Pick<App, 'results' | 'query' | 'export'> {
  return {
    async results(reference) {
      const { resultsDocument } = await import('./read-results.ts');
      const { job, own } = await find(reference);
      return resultsDocument(own, job);
    },
    async query({ job: reference, sql }) {
      const { queryResults } = await import('./read-results.ts');
      const { job, own } = await find(reference);
      return queryResults(own, job, sql);
    },
    async *export({ job: reference, format }) {
      const { exportResults } = await import('./read-results.ts');
      const { job, own } = await find(reference);
      yield* exportResults(own, job, format);
    },
  };
}

function keeping({ settings, drivers, find }: Opened): Pick<App, 'doctor' | 'gc' | 'examples' | 'init'> {
  return {
    async doctor() {
      const { runDoctor } = await import('./run-doctor.ts');
      return runDoctor(drivers, settings);
    },
    async gc({ job: reference, ...request }) {
      const { collectGarbage } = await import('./collect-garbage.ts');
      const job = reference === undefined ? undefined : (await find(reference)).job;
      return collectGarbage(drivers, { ...request, ...(job === undefined ? {} : { job }) });
    },
    async examples() {
      const { listExamples } = await import('./init-project.ts');
      return listExamples();
    },
    async init(request) {
      const { initProject } = await import('./init-project.ts');
      return initProject(request);
    },
  };
}
