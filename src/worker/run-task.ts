/**
 * One attempt at one claimed task: batch → items → result file → sealed attempt → commit. Leaves the task DONE, in WAIT with a named cause, or
 * (when it lost the task, or state and store do not answer) exactly as it is. Never deletes or overwrites what another attempt wrote.
 */
import { join } from 'node:path';
import { elementIdOf } from '../domain/ids.ts';
import { batchKey } from '../domain/keys.ts';
import type { JobManifest, TaskManifest } from '../domain/manifest.ts';
import { AppError } from '../errors/app-error.ts';
import type { LoadedHandler } from '../ports/handler-host.ts';
import type { ResultFile } from '../ports/result-file.ts';
import type { Scratch } from '../ports/scratch.ts';
import { createAttemptLog, type AttemptLog } from './attempt-log.ts';
import { startSession } from './attempt-session.ts';
import { createCheckpointer, type Checkpointer } from './checkpointer.ts';
import type { Deferral } from './deferral.ts';
import { readTaskManifest } from './job-manifest.ts';
import type { ElementContext, StopReason } from './needs.ts';
import { createOutputNormaliser, type OutputNormaliser } from './normalise-output.ts';
import { createOutcomeBuffer, type OutcomeBuffer, type Progress } from './outcome-buffer.ts';
import { isTransient, patiently } from './patience.ts';
import { quarantinedOutcomes } from './quarantine.ts';
import { endedByQuota, type QuotaSpent } from './quota-spent.ts';
import { reportAttempt } from './report-attempt.ts';
import { readCheckpoint } from './resume.ts';
import { removeSegments } from './seal.ts';
import { createLogShipper, type LogShipper } from './ship-log.ts';
import { startItems } from './start-items.ts';
import { stopCause } from './stop-cause.ts';
import { openBatch, type TaskBatch } from '../domain/task-batch.ts';
import { judgeTaskFailure } from './task-failure.ts';
import { ABORT_GRACE_MS } from './try-slots.ts';
import { releaseTask, type AttemptEnd, type ClaimedTask } from './task-writes.ts';
import { whileBeating } from './while-beating.ts';

export interface ElementJob {
  readonly manifest: JobManifest;
  readonly handler: LoadedHandler;
}

export interface TaskReport {
  /** `lost`: another attempt committed or owns the task; `released`: back in WAIT. */
  readonly end: 'committed' | 'lost' | 'released';
  /** Outcomes of this attempt, items taken over from a checkpoint included. */
  readonly items: number;
  readonly failed: number;
  /** A quota is used up for long: other tasks would meet it too. */
  readonly isQuotaSpent?: true;
}

/** @throws what makes the whole element end (see task-failure.ts), after the task is settled as far as possible */
export async function runTask(context: ElementContext, job: ElementJob, claimed: ClaimedTask): Promise<TaskReport> {
  const { deps } = context;
  enterBeacon(context, job, claimed);
  try {
    return await inScratch(deps.scratch, 'attempt', (ownPath) =>
      inScratch(deps.scratch, 'handler', (handlerPath) =>
        runInScratch(context, job, { claimed, ownPath, handlerPath }),
      ),
    );
  } catch (error) {
    const failure = judgeTaskFailure(error);
    deps.log.error('task failed', {
      task: claimed.task,
      error: String(error),
      release: failure.release?.cause ?? 'left',
    });
    if (failure.release !== null) await releaseTask(context, claimed.key, failure.release);
    if (failure.endsElement) throw error;
    return { end: 'released', items: 0, failed: 0 };
  } finally {
    deps.beacon?.leave();
  }
}

/** @param known absent: what the task consists of is not known yet */
function enterBeacon(
  context: ElementContext,
  job: ElementJob,
  claimed: ClaimedTask,
  known?: { readonly manifest: TaskManifest; readonly resultsPath: string; readonly logPath: string },
): void {
  const { handler, output } = job.manifest.spec;
  const { kind, timeoutMs } = handler;
  context.deps.beacon?.enter({
    job: context.input.assignment.job,
    task: claimed.task,
    key: claimed.key,
    attempt: context.attempt,
    generation: claimed.item.generation,
    ...(known === undefined ? {} : { firstItem: known.manifest.firstItem, logPath: known.logPath }),
    // What was observed of the columns so far is in this process alone.
    ...(known === undefined || output.mode === 'infer' ? {} : { results: resultsOf(known) }),
    // A command has a process of its own and cannot hold this one up.
    ...(kind === 'module' ? { stuckAfterMs: timeoutMs + ABORT_GRACE_MS } : {}),
  });
}

const resultsOf = ({ manifest, resultsPath }: { readonly manifest: TaskManifest; readonly resultsPath: string }) => ({
  path: resultsPath,
  batchSha256: manifest.batch.sha256,
  items: manifest.items,
});

async function inScratch<T>(scratch: Scratch, purpose: string, use: (path: string) => Promise<T>): Promise<T> {
  const dir = await scratch.open(purpose);
  try {
    return await use(dir.path);
  } finally {
    await dir.dispose();
  }
}

interface Places {
  readonly claimed: ClaimedTask;
  readonly ownPath: string;
  readonly handlerPath: string;
}

/** Everything one attempt holds open. */
interface Attempt extends Places {
  readonly manifest: TaskManifest;
  readonly batch: TaskBatch;
  readonly results: ResultFile;
  readonly resultsPath: string;
  readonly buffer: OutcomeBuffer;
  readonly normaliser: OutputNormaliser;
  readonly attemptLog: AttemptLog;
  readonly shipper: LogShipper;
  readonly checkpointer: Checkpointer;
  /** 1 for items that need not be run: an earlier attempt has finished them, or they are in quarantine; by number in the task. */
  readonly finished: Uint8Array;
  /** Failed tries by number in the task, of items without an outcome. */
  readonly tries: Map<number, number>;
  readonly resumedItems: number;
  readonly startedMs: number;
  readonly startedCpuMs: number;
}

async function runInScratch(context: ElementContext, job: ElementJob, places: Places): Promise<TaskReport> {
  const { claimed, ownPath: scratchPath } = places;
  const opening = await whileBeating(context, claimed, nothingYet, () => openAttempt(context, job, places));
  const attempt = opening.result;
  const progress = (): Progress => attempt.buffer.counts();
  let reporting = false;
  let sealed = false;
  try {
    if (opening.lost) return { end: 'lost', items: 0, failed: 0 };
    const { complete, fenced, ...why } = await work(context, job, attempt);
    if (complete) {
      attempt.buffer.flush();
      warnOfIgnoredKeys(attempt);
      const { output } = job.manifest.spec;
      reporting = true;
      // What a heartbeat comes to does not matter any more: the first commit wins.
      const { result } = await whileBeating(context, claimed, progress, () =>
        reportAttempt(context, { ...attempt, ...busyOf(progress()), output, scratchPath }),
      );
      sealed = true;
      const { win, won } = result;
      if (won) {
        await removeSegments(context, claimed, attempt.checkpointer.segments());
        await attempt.shipper.removeParts();
      }
      return { end: won ? 'committed' : 'lost', items: win.rows, failed: win.failed };
    }
    const { rows, failed } = progress();
    if (fenced) {
      await attempt.shipper.storeWhole();
      return { end: 'lost', items: rows, failed };
    }
    const { result: released } = await whileBeating(context, claimed, progress, () =>
      leaveForLater(context, attempt, why),
    );
    // The task does not wait for its log: little time may be left to a worker that was told to stop.
    await attempt.shipper.storeWhole();
    const quota = why.spent === null ? {} : ({ isQuotaSpent: true } as const);
    return { end: released ? 'released' : 'lost', items: rows, failed, ...quota };
  } catch (error) {
    attempt.attemptLog.log.error('the attempt ended without a result', { error: String(error) });
    // A commit whose answer was lost may stand: the log it names stays as it is, and what came after it is a part beside it.
    await (reporting ? attempt.shipper.ship() : attempt.shipper.storeWhole());
    throw error;
  } finally {
    attempt.attemptLog.close();
    if (!sealed) attempt.results.discard();
  }
}

const busyOf = ({ busy }: Progress): Pick<Progress, 'busy'> => (busy === undefined ? {} : { busy });

const nothingYet = () => ({ rows: 0, failed: 0 });

async function openAttempt(context: ElementContext, job: ElementJob, places: Places): Promise<Attempt> {
  const { deps, input } = context;
  const { claimed } = places;
  const startedMs = deps.clock.nowMs();
  const startedCpuMs = deps.host.cpuMs();
  const { job: jobId } = input.assignment;
  const { spec } = job.manifest;
  const manifest = await patiently(context, () => readTaskManifest(deps.store, jobId, claimed.task));
  const resultsPath = join(places.ownPath, 'results.sqlite');
  const logPath = join(places.ownPath, 'log.jsonl');
  enterBeacon(context, job, claimed, { manifest, resultsPath, logPath });
  const batch = openBatch(await readBatch(context, manifest), manifest, spec.input.id);
  const resumed = await readCheckpoint(context, claimed, manifest);
  const results = deps.resultFiles.create(resultsPath);
  const buffer = createOutcomeBuffer(results, deps.clock, takesTurns(spec));
  const normaliser = createOutputNormaliser(spec.output);
  normaliser.addObserved(resumed.observed);
  const finished = new Uint8Array(manifest.items);
  for (const outcome of resumed.outcomes) {
    finished[outcome.itemIndex - manifest.firstItem] = 1;
    buffer.add(outcome);
  }
  const isFinished = (item: number): boolean => finished[item] === 1;
  for (const outcome of quarantinedOutcomes({ job: jobId, task: claimed.item, batch, isFinished })) {
    finished[outcome.itemIndex - manifest.firstItem] = 1;
    buffer.add(outcome);
  }
  // What others may save for this attempt never holds less than the checkpoint it began with.
  buffer.flush();
  const tries = new Map(resumed.tries);
  const attemptLog = openLog(context, { job, claimed, logPath });
  const checkpointer = createCheckpointer(context, {
    claimed,
    manifest,
    results,
    normaliser,
    flush: () => buffer.flush(),
    tries,
  });
  const resumedItems = resumed.outcomes.length;
  if (resumedItems > 0) attemptLog.log.info('resumed from a checkpoint', { items: resumedItems, of: manifest.items });
  return {
    ...places,
    manifest,
    batch,
    results,
    resultsPath,
    buffer,
    normaliser,
    attemptLog,
    shipper: createLogShipper(context, claimed, attemptLog),
    checkpointer,
    finished,
    tries,
    resumedItems,
    startedMs,
    startedCpuMs,
  };
}

async function readBatch(context: ElementContext, { task, batch }: TaskManifest): Promise<Uint8Array> {
  const { store } = context.deps;
  const key = batchKey(context.input.assignment.job, task);
  const bytes = await patiently(context, () => store.get(key, { sha256: batch.sha256 }));
  if (bytes !== null) return bytes;
  throw new AppError('STORE_NOT_FOUND', { message: `${store.url(key)} is missing`, details: { key } });
}

function openLog(
  { deps, input, attempt }: ElementContext,
  { job, claimed, logPath }: { readonly job: ElementJob; readonly claimed: ClaimedTask; readonly logPath: string },
): AttemptLog {
  const { clock, logFiles } = deps;
  const { logs } = job.manifest.spec;
  return createAttemptLog({
    clock,
    bindings: {
      job: input.assignment.job,
      task: claimed.task,
      attempt,
      node: input.node,
      slurmJobId: elementIdOf(input.batchJobId, input.index),
    },
    ...(logs === undefined ? {} : { spec: logs }),
    ...(logFiles === undefined ? {} : { file: logFiles.create(logPath) }),
  });
}

/** Of such a job, what tries take says how many elements its limits can feed. */
const takesTurns = ({ limits }: JobManifest['spec']): boolean => limits?.some(({ per }) => per === 'item') === true;

/** Runs the items with everything beside them; afterwards nothing of the attempt is going on any more. */
async function work(
  context: ElementContext,
  job: ElementJob,
  attempt: Attempt,
): Promise<{ readonly complete: boolean; readonly fenced: boolean } & Left> {
  const running = startItems(context, job, attempt);
  const session = startSession(context, {
    claimed: attempt.claimed,
    running,
    checkpointer: attempt.checkpointer,
    shipLog: () => attempt.shipper.ship(),
    checkpointEveryMs: job.manifest.spec.checkpoint.everyMs,
    progress: () => attempt.buffer.counts(),
  });
  try {
    const complete = await settled(running.ended, () => session.close());
    if (session.failure() !== undefined) throw session.failure();
    const fenced = session.isFenced() || running.isFenced();
    return { complete, fenced, deferral: running.deferred(), spent: running.spent(), awaited: session.awaited() };
  } catch (error) {
    await saveWhatIsThere(context, attempt);
    throw error;
  }
}

/** Waits for the work, then for what went on beside it, whether the work failed or not. */
async function settled<T>(work: Promise<T>, close: () => Promise<void>): Promise<T> {
  try {
    return await work;
  } finally {
    await close();
  }
}

/** After a failure: what is in the file already need not be run again. */
async function saveWhatIsThere(context: ElementContext, attempt: Attempt): Promise<void> {
  try {
    await attempt.checkpointer.save();
  } catch (error) {
    context.deps.log.warn('no last checkpoint', { task: attempt.claimed.task, error: String(error) });
  }
}

/** Why items are left for a later attempt. */
interface Left {
  /** Neither: the worker was told to stop. */
  readonly deferral: Deferral | null;
  readonly spent: QuotaSpent | null;
  /** What all items in flight waited for then; null: some ran. */
  readonly awaited: string | null;
}

/**
 * The worker was told to stop, or what is left is for another attempt: last segment, and the task back to WAIT. False: the attempt no longer
 * owned it.
 */
async function leaveForLater(context: ElementContext, attempt: Attempt, why: Left): Promise<boolean> {
  const { deferral, spent, awaited } = why;
  const { deps } = context;
  const { claimed } = attempt;
  try {
    if ((await attempt.checkpointer.save()) === 'fenced') return false;
  } catch (error) {
    if (!isTransient(error)) throw error;
    deps.log.warn('left without a last checkpoint', { task: claimed.task, error: String(error) });
  }
  if (spent !== null) {
    const items = attempt.manifest.items - attempt.buffer.counts().rows;
    return releaseTask(context, claimed.key, endedByQuota(spent, items));
  }
  return releaseTask(
    context,
    claimed.key,
    deferral === null ? await drained(context, attempt, awaited) : left(deferral),
  );
}

async function drained(context: ElementContext, attempt: Attempt, awaited: string | null): Promise<AttemptEnd> {
  const reason = context.deps.stop.reason as StopReason;
  const { rows } = attempt.buffer.counts();
  const soFar = `${rows} of ${attempt.manifest.items} items finished`;
  const cause = await stopCause(context);
  // More time would only be waited away.
  if (cause === 'time-limit' && awaited !== null)
    return {
      cause: 'waiting',
      detail: `the time of the element was over while it waited for ${awaited}, with ${soFar}`,
    };
  return { cause, detail: `the worker was told to stop (${reason}) with ${soFar}` };
}

function left(deferral: Deferral): AttemptEnd {
  const { items, dueMs, rule, needsMore: _needsMore, ...why } = deferral;
  return { ...why, deferred: { items: items.length, rule, ...(dueMs === undefined ? {} : { dueMs }) } };
}

function warnOfIgnoredKeys({ normaliser, attemptLog }: Attempt): void {
  const ignored = normaliser.ignoredKeys();
  if (ignored.size === 0) return;
  attemptLog.log.warn('keys of the output that are no column were left out', { keys: Object.fromEntries(ignored) });
}
