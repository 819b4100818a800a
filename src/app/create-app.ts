/** The composition root of the command line: settings → drivers → rooms. Each method imports what it needs when it is called. */
import { dirname, resolve } from 'node:path';
import { loadSettings, type Settings } from '../config/settings.ts';
import { asJobId } from '../domain/ids.ts';
import type { App, CreateApp, GlobalFlags } from './api.ts';
import { chooseScheduler } from './choose-scheduler.ts';
import type { TickDocument } from './documents.ts';
import { elementLogDir, type Drivers } from './job-backends.ts';
import { createDriversOf } from './job-drivers.ts';
import { openPlaces, type Places } from './open-places.ts';
import type { OnProgress } from './api.ts';

/** How long a submit waits out submit limits before it leaves the rest to `advance`. */
const SUBMIT_PATIENCE_MS = 10 * 60_000;
/** The same for one reconcile pass. */
const ADVANCE_PATIENCE_MS = 2 * 60_000;

/** What every method works with. */
interface Opened extends Places {
  readonly settings: Settings;
}

export const createApp: CreateApp = async ({ flags, env, cwd, jobFile }) => {
  const settings = await loadSettings({
    flags: flags as Partial<Record<keyof GlobalFlags, string | undefined>>,
    env,
    cwd,
    ...(jobFile === undefined ? {} : { jobFileDir: dirname(resolve(cwd, jobFile)) }),
  });
  const opened: Opened = { settings, ...(await openPlaces(settings, env)) };
  return {
    ...submitting(opened, cwd),
    ...looking(opened),
    ...driving(opened),
    ...retrying(opened, cwd),
    ...deciding(opened),
    ...reading(opened, cwd),
    ...keeping(opened),
    ...limiting(opened),
    ...pooling(opened),
    requests: () => opened.surroundings.meter.totals(),
    close: async () => void (await Promise.all(opened.surroundings.closers.map((close) => close()))),
  };
};

function submitting({ settings, drivers, sides, carryAfter }: Opened, cwd: string): Pick<App, 'plan' | 'submit'> {
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
    const deps = await createCoordinatorDeps(drivers, choice.scheduler, { pass: 'submit', onProgress });
    return { choice, wanted, deps };
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
      const submitted = await submitFromFile(drivers, prepared, { ...request, patienceMs: SUBMIT_PATIENCE_MS });
      if (sides === null) return submitted;
      return {
        ...submitted,
        ...(await carryAfter({ job: asJobId(submitted.jobId), seenFrom: 'spool' }, request.signal)),
      };
    },
  };
}

function looking({ drivers, sides, find }: Opened): Pick<App, 'status' | 'explain' | 'list' | 'watch' | 'logs'> {
  return {
    async status(reference) {
      const { statusDocument } = await import('./status-document.ts');
      const { job, own, seenFrom } = await find(reference);
      return statusDocument(own, job, seenFrom);
    },
    async explain(request) {
      const { explainDocument, splitReference } = await import('./explain-document.ts');
      const { job: reference, task } = splitReference(request.job);
      const { job, own, seenFrom } = await find(reference);
      return explainDocument(own, job, { task: request.task ?? task, item: request.item, seenFrom });
    },
    async list(request) {
      if (sides !== null) return (await import('./spool-list.ts')).listBothSides(sides, request);
      const { listDocument } = await import('./list-document.ts');
      return listDocument(drivers, request);
    },
    async *watch(request) {
      const { watchJob } = await import('./follow-job.ts');
      const { job, own, seenFrom } = await find(request.job);
      yield* watchJob(own, { ...request, job, ...(seenFrom === undefined ? {} : { seenFrom }) });
    },
    async *logs(request) {
      const { readLogs } = await import('./read-logs.ts');
      const { job, own } = await find(request.job);
      yield* readLogs(own, { ...request, job });
    },
  };
}

function driving(opened: Opened): Pick<App, 'follow' | 'advance' | 'tick' | 'aggregate'> {
  const { findToChange, coordinatorOf, carryAfter } = opened;
  return {
    async follow(request) {
      const { followJob } = await import('./follow-job.ts');
      const found = await findToChange(request.job);
      const { job, own } = found;
      const carry = async () => (await carryAfter(found, request.signal)).carry ?? null;
      return followJob(own, await coordinatorOf(found), { ...request, job, ...(found.seenFrom && { carry }) });
    },
    async advance({ job: reference, waitLeaseMs = 0, onProgress }) {
      const { advanceDocument } = await import('./advance-document.ts');
      const found = await findToChange(reference);
      const { job } = found;
      const deps = await coordinatorOf(found, onProgress);
      const document = await advanceDocument(deps, { job, waitLeaseMs, patienceMs: ADVANCE_PATIENCE_MS });
      return { ...document, ...(await carryAfter(found)) };
    },
    tick: () => tick(opened),
    async aggregate(reference, onProgress) {
      const { aggregateDocument } = await import('./aggregate-document.ts');
      const found = await findToChange(reference);
      const document = await aggregateDocument(found.own, found.job, onProgress);
      return { ...document, ...(await carryAfter(found)) };
    },
  };
}

function retrying({ findToChange, coordinatorOf, carryAfter }: Opened, cwd: string): Pick<App, 'retry'> {
  return {
    async retry({ job: reference, ...request }) {
      const { retryJob } = await import('./retry-job.ts');
      const found = await findToChange(reference);
      const deps = await coordinatorOf(found, request.onProgress);
      const wanted = { ...request, job: found.job, cwd, patienceMs: ADVANCE_PATIENCE_MS };
      const document = await retryJob(found.own, deps, wanted);
      return request.dryRun ? document : { ...document, ...(await carryAfter(found, request.signal)) };
    },
  };
}

/** What a person decides about a job that lives. */
function deciding({ findToChange, coordinatorOf, carryAfter }: Opened): Pick<App, 'pause' | 'resume' | 'cancel'> {
  return {
    async pause({ job: reference, ...request }) {
      const { pauseDocument } = await import('./decide-documents.ts');
      const found = await findToChange(reference);
      const document = await pauseDocument(await coordinatorOf(found), found.job, request);
      return { ...document, ...(await carryAfter(found)) };
    },
    async resume({ job: reference, onProgress, ...request }) {
      const { resumeDocument } = await import('./decide-documents.ts');
      const found = await findToChange(reference);
      const deps = await coordinatorOf(found, onProgress);
      const document = await resumeDocument(deps, { ...request, job: found.job, patienceMs: ADVANCE_PATIENCE_MS });
      return { ...document, ...(await carryAfter(found)) };
    },
    async cancel({ job: reference, reason }) {
      const { cancelDocument } = await import('./decide-documents.ts');
      const found = await findToChange(reference);
      const document = await cancelDocument(await coordinatorOf(found), found.job, reason);
      return { ...document, ...(await carryAfter(found)) };
    },
  };
}

async function tick({ drivers, sides, coordinatorOf }: Opened): Promise<TickDocument> {
  const { tickAll } = await import('./tick-all.ts');
  const tickOne = (side: Drivers): Promise<TickDocument> => {
    const driversOf = createDriversOf(side);
    return tickAll(side, async (known) => coordinatorOf({ job: known.id, own: await driversOf(known) }));
  };
  if (sides === null) return tickOne(drivers);
  const { tickBothSides } = await import('./spool-tick.ts');
  return tickBothSides(sides, tickOne);
}

function reading({ find }: Opened, cwd: string): Pick<App, 'results' | 'download' | 'query' | 'export'> {
  return {
    async results(reference) {
      const { resultsDocument } = await import('./read-results.ts');
      const { job, own } = await find(reference);
      return resultsDocument(own, job);
    },
    async download({ job: reference, path, signal }) {
      const { downloadResults } = await import('./download-results.ts');
      const { job, own } = await find(reference);
      return downloadResults(own, job, { path: resolve(cwd, path), ...(signal === undefined ? {} : { signal }) });
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

function keeping(opened: Opened): Pick<App, 'doctor' | 'gc' | 'examples' | 'init' | 'initAws'> {
  const { settings, drivers, sides, find, findToChange } = opened;
  return {
    async doctor() {
      const { runDoctor } = await import('./run-doctor.ts');
      if (sides === null) return runDoctor(drivers, settings);
      const { checkSpool } = await import('./check-spool.ts');
      const [document, spool] = await Promise.all([runDoctor(await sides.far(), settings), checkSpool(sides)]);
      return { ...document, ok: document.ok && spool.verdict !== 'fail', checks: [...document.checks, spool] };
    },
    async gc({ job: reference, ...request }) {
      const { collectGarbage } = await import('./collect-garbage.ts');
      const found = reference === undefined ? undefined : await (sides === null ? findToChange : find)(reference);
      const wanted = { ...request, ...(found === undefined ? {} : { job: found.job }) };
      if (sides === null) return collectGarbage(drivers, wanted);
      const { collectBothSides, removeLostCopy } = await import('./spool-gc.ts');
      if (found?.seenFrom === 'copy') return removeLostCopy(sides, found.known, wanted);
      return collectBothSides(sides, wanted, collectGarbage);
    },
    async examples() {
      const { listExamples } = await import('./init-project.ts');
      return listExamples();
    },
    async init(request) {
      const { initProject } = await import('./init-project.ts');
      return initProject(request);
    },
    async initAws({ dryRun }) {
      const { initAws } = await import('./init-aws.ts');
      const urls = { store: settings.store.value, state: settings.state.value, queue: settings.queue.value };
      return initAws({ urls, context: drivers, dryRun });
    },
  };
}

/** The rate limits of the site. */
function limiting({
  drivers,
}: Opened): Pick<App, 'limitSet' | 'limitList' | 'limitShow' | 'limitWatch' | 'limitDelete'> {
  const commands = async () => import('./limit-commands.ts');
  return {
    limitSet: async (request) => (await commands()).limitSet(drivers, request),
    limitList: async () => (await commands()).limitList(drivers),
    limitShow: async (name) => (await commands()).limitShow(drivers, name),
    async *limitWatch(request) {
      yield* (await commands()).limitWatch(drivers, request);
    },
    limitDelete: async (request) => (await commands()).limitDelete(drivers, request),
  };
}

/** The pools of the site. */
function pooling({
  drivers,
}: Opened): Pick<App, 'poolSet' | 'poolList' | 'poolShow' | 'poolWatch' | 'poolDelete' | 'poolEvict'> {
  const commands = async () => import('./pool-commands.ts');
  return {
    poolSet: async (request) => (await commands()).poolSet(drivers, request),
    poolList: async () => (await commands()).poolList(drivers),
    poolShow: async (name) => (await commands()).poolShow(drivers, name),
    async *poolWatch(request) {
      yield* (await commands()).poolWatch(drivers, request);
    },
    poolDelete: async (request) => (await commands()).poolDelete(drivers, request),
    poolEvict: async (request) => (await import('./pool-evict.ts')).poolEvict(drivers, request),
  };
}
