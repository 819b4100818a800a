/** The composition root of the command line: settings → drivers → rooms. Each method imports what it needs when it is called. */
import { dirname, resolve } from 'node:path';
import { loadSettings, type Settings } from '../config/settings.ts';
import { asJobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { App, CreateApp, GlobalFlags } from './api.ts';
import { chooseScheduler } from './choose-scheduler.ts';
import type { TickDocument } from './documents.ts';
import { elementLogDir, type Drivers } from './job-backends.ts';
import type { KnownJob } from './find-job.ts';
import { createDriversOf } from './job-drivers.ts';
import { openPlaces, type FoundJob, type Places } from './open-places.ts';
import type { OnProgress } from './api.ts';
import { alerting, limiting, pooling } from './site-methods.ts';
import type { PassedOver } from './store-dashboard.ts';

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
    ...telling(opened, cwd),
    ...driving(opened),
    ...retrying(opened, cwd),
    ...deciding(opened),
    ...picturing(opened, cwd),
    ...reading(opened, cwd),
    ...keeping(opened),
    ...limiting(opened),
    ...pooling(opened),
    ...alerting(opened),
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
    const { warnOfChannels } = await import('./unknown-channels.ts');
    const found = await readJob({
      jobFile: resolve(cwd, jobFile),
      set,
      urls: drivers.urls,
      choice,
      ...(signal === undefined ? {} : { signal }),
    });
    const warnings = [...found.warnings, ...warnOfChannels(settings.alerting, found.spec.alerts)];
    const deps = await createCoordinatorDeps(drivers, choice.scheduler, { pass: 'submit', onProgress });
    return { choice, wanted: { ...found, warnings }, deps };
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

function looking({
  drivers,
  sides,
  find,
}: Opened): Pick<App, 'status' | 'explain' | 'analyzeErrors' | 'list' | 'watch' | 'logs'> {
  return {
    async status(reference) {
      const { statusDocument } = await import('./status-document.ts');
      const { job, own, seenFrom } = await find(reference);
      const { openQueueView } = await import('./open-queue-view.ts');
      return statusDocument(own, job, seenFrom, openQueueView(own));
    },
    async explain(request) {
      const { explainDocument, splitReference } = await import('./explain-document.ts');
      const { job: reference, task } = splitReference(request.job);
      const { job, own, seenFrom } = await find(reference);
      const { openQueueView } = await import('./open-queue-view.ts');
      const queue = openQueueView(own);
      return explainDocument(own, job, { task: request.task ?? task, item: request.item, seenFrom, queue });
    },
    async analyzeErrors({ job: reference, by }) {
      const { analyzeErrors } = await import('./analyze-errors.ts');
      const { job, own, seenFrom } = await find(reference);
      return analyzeErrors(own, { job, by, ...(seenFrom === undefined ? {} : { seenFrom }) });
    },
    async list(request) {
      if (sides !== null) return (await import('./spool-list.ts')).listBothSides(sides, request);
      const { listDocument } = await import('./list-document.ts');
      return listDocument(drivers, request);
    },
    async *watch(request) {
      const { watchJob } = await import('./follow-job.ts');
      const { job, own, seenFrom } = await find(request.job);
      const { openQueueView } = await import('./open-queue-view.ts');
      const queue = openQueueView(own);
      yield* watchJob(own, { ...request, job, queue, ...(seenFrom === undefined ? {} : { seenFrom }) });
    },
    async *logs(request) {
      const { readLogs } = await import('./read-logs.ts');
      const { job, own } = await find(request.job);
      yield* readLogs(own, { ...request, job });
    },
  };
}

/** What happened, for people and for programs. */
function telling({ drivers, find }: Opened, cwd: string): Pick<App, 'events' | 'metrics' | 'serveMetrics' | 'health'> {
  return {
    async *events({ job: reference, follow, signal, ...since }) {
      const { readLifecycle } = await import('./read-events.ts');
      const { job, own } = await find(reference);
      const sinceMs = since.agoMs === undefined ? since.atMs : own.clock.nowMs() - since.agoMs;
      yield* readLifecycle(own, {
        job,
        follow,
        ...(sinceMs === undefined ? {} : { sinceMs }),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    async health() {
      const { healthDocument } = await import('./health-document.ts');
      return healthDocument(drivers);
    },
    async metrics({ jobs, path }) {
      const { readExposition, writeMetrics } = await import('./metrics-commands.ts');
      return path === undefined
        ? readExposition(drivers, jobs)
        : writeMetrics(drivers, { jobs, path: resolve(cwd, path) });
    },
    async serveMetrics({ tokenFile, ...request }) {
      const { serveMetrics } = await import('./metrics-commands.ts');
      const kept = tokenFile === undefined ? {} : { tokenFile: resolve(cwd, tokenFile) };
      await serveMetrics(drivers, { ...request, ...kept });
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
      const onTold = (told: readonly string[]): void => told.forEach((words) => request.onTold?.(words));
      const onPassed = async () => onTold(await tell(opened, found));
      const { keepPage } = await import('./store-dashboard.ts');
      const afterPass = async (pass: Pick<PassedOver, 'meta' | 'steps'>) =>
        onTold(await keepPage(own, passedOver(found, pass)));
      const wanted = { ...request, job, afterPass, onPassed, ...(found.seenFrom && { carry }) };
      return followJob(own, await coordinatorOf(found), wanted);
    },
    async advance({ job: reference, waitLeaseMs = 0, onProgress }) {
      const { advanceDocument } = await import('./advance-document.ts');
      const found = await findToChange(reference);
      const { job, own } = found;
      const deps = await coordinatorOf(found, onProgress);
      const passed = new Map<string, JobMeta>();
      const wanted = { job, waitLeaseMs, patienceMs: ADVANCE_PATIENCE_MS };
      const document = await advanceDocument(deps, wanted, (meta) => passed.set(job, meta));
      // The page last: of a million failures it takes seconds, which nobody who is to be told should wait for.
      const told = await tell(opened, found, passed.get(job));
      const carried = await carryAfter(found);
      const meta = passed.get(job);
      const { keepPage } = await import('./store-dashboard.ts');
      const more = meta === undefined ? [] : await keepPage(own, passedOver(found, { meta, steps: document.steps }));
      return { ...document, steps: [...document.steps, ...told, ...more], ...carried };
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
function deciding(opened: Opened): Pick<App, 'pause' | 'resume' | 'cancel'> {
  const { findToChange, coordinatorOf, carryAfter } = opened;
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
      const told = await tell(opened, found);
      const carried = await carryAfter(found);
      const { storeLastPage } = await import('./store-dashboard.ts');
      const more = await storeLastPage(found.own, found.job, found.seenFrom);
      const said = [...told, ...more];
      return { ...document, ...(said.length === 0 ? {} : { told: said }), ...carried };
    },
  };
}

/** Tells people about a job that was passed over; what was told and what went wrong, as sentences. */
async function tell(
  { settings }: Opened,
  { own, job }: Pick<FoundJob, 'own' | 'job'>,
  meta?: JobMeta,
): Promise<readonly string[]> {
  const { tellAfterPass } = await import('./tell-pass.ts');
  return tellAfterPass(own, settings.alerting, { job, ...(meta === undefined ? {} : { meta }) });
}

const passedOver = (
  { job, seenFrom }: Pick<FoundJob, 'job' | 'seenFrom'>,
  pass: Pick<PassedOver, 'meta' | 'steps'>,
): PassedOver => ({ ...pass, job, ...(seenFrom === undefined ? {} : { seenFrom }) });

async function tick({ drivers, sides, coordinatorOf, settings }: Opened): Promise<TickDocument> {
  const { tickAll } = await import('./tick-all.ts');
  const tickOne = async (side: Drivers): Promise<TickDocument> => {
    const driversOf = createDriversOf(side);
    const owns = new Map<string, Drivers>();
    const metas = new Map<string, JobMeta>();
    const coordinatorFor = async (known: KnownJob) => {
      const own = await driversOf(known);
      owns.set(known.id, own);
      return coordinatorOf({ job: known.id, own });
    };
    const document = await tickAll(side, coordinatorFor, (job, meta) => metas.set(job, meta));
    const { afterTick } = await import('./after-tick.ts');
    return afterTick(side, document, { owns, metas, alerting: settings.alerting });
  };
  if (sides === null) return tickOne(drivers);
  const { tickBothSides } = await import('./spool-tick.ts');
  return tickBothSides(sides, tickOne);
}

function picturing({ find }: Opened, cwd: string): Pick<App, 'report' | 'dashboard' | 'serveDashboard'> {
  return {
    async report(reference) {
      const { reportDocument } = await import('./report-document.ts');
      const { job, own, seenFrom } = await find(reference);
      return reportDocument(own, job, seenFrom);
    },
    async dashboard({ job: reference, path }) {
      const { writeDashboard } = await import('./write-dashboard.ts');
      const { job, own, seenFrom } = await find(reference);
      return writeDashboard(own, job, {
        path: resolve(cwd, path ?? `${job}.html`),
        ...(seenFrom === undefined ? {} : { seenFrom }),
      });
    },
    async serveDashboard({ job: reference, ...request }) {
      const { serveDashboard } = await import('./serve-dashboard.ts');
      const { job, own, seenFrom } = await find(reference);
      await serveDashboard(own, job, { ...request, ...(seenFrom === undefined ? {} : { seenFrom }) });
    },
  };
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
