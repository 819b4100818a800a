/**
 * The worker: what one array element does. It claims tasks of its wave, one after the other, runs their items through the handler and commits each
 * result, until no task is left, its time is short, or it is told to stop.
 *
 * Never: submits, retries a task, decides that another attempt is dead, or reads another attempt's output (checkpoints excepted).
 * States it moves a task through: PENDING → RUNNING → DONE, or RUNNING → WAIT with a cause.
 * Fails with: MANIFEST_CORRUPT, HANDLER_NOT_LOADABLE, SCRATCH_UNFIT, SCRATCH_FULL, and what store and state throw when they stay unwell.
 */
import { isBigEnough, isSameSize, sizeFor, type ElementSize } from '../domain/element-size.ts';
import { attemptIdOf, elementIdOf, asTaskId, type TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { JobManifest } from '../domain/manifest.ts';
import { metaKey, taskPartition } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import { adoptSpills } from './adopt-spills.ts';
import { mayClaim } from './claim-window.ts';
import { readJobManifest, readWave } from './job-manifest.ts';
import type { ElementContext, ElementInput, WorkerDeps } from './needs.ts';
import { patiently } from './patience.ts';
import { recordTakenOver } from './record-taken-over.ts';
import { runTask, type ElementJob } from './run-task.ts';
import { createTaskPicker, startSpreadMs, type Claimable, type TaskPicker } from './task-picker.ts';
import {
  asTaskItem,
  claimTask,
  isLeftBehind,
  isWorn,
  releaseTask,
  takeOverTask,
  type ClaimTerms,
  type ClaimedTask,
  type LeftBehind,
} from './task-writes.ts';

export interface ElementReport {
  /** Tasks this element began, and how many of them it committed. */
  readonly claimed: number;
  readonly committed: number;
  /** Outcomes in committed tasks, and the failed ones of them. */
  readonly items: number;
  readonly failed: number;
  readonly stopped: 'no-tasks' | 'job-over' | 'job-paused' | 'time-short' | 'quota-spent' | 'drained';
}

/** Job states are looked at between tasks, but not more often than this. */
const META_EVERY_MS = 15_000;

/** Before it takes tasks, an element adopts what others have kept on its node for at most about this long. */
const ADOPTING_MS = 60_000;

/** Runs one array element to its end. @throws AppError when this element cannot work; its tasks are then released or left for reconcile */
export async function runElement(deps: WorkerDeps, input: ElementInput): Promise<ElementReport> {
  const attempt = attemptIdOf(elementIdOf(input.batchJobId, input.index), input.restarts);
  const context: ElementContext = {
    deps: { ...deps, log: deps.log.child({ attempt, node: input.node }) },
    input,
    attempt,
  };
  const tally = createTally();
  if (deps.stop.aborted) return tally.report('drained');
  const meta = await patiently(context, () => readMeta(context));
  const ended = endOf(meta);
  if (ended !== null) return tally.report(ended);
  const { job, wave } = input.assignment;
  const manifest = await patiently(context, () => readJobManifest(deps.store, job, meta));
  const tasks = wave === 0 ? meta.tasks : await patiently(context, () => readWave(deps.store, job, input.assignment));
  const { resources } = manifest.spec;
  const terms: ClaimTerms = { shards: meta.shards, own: input.assignment.size ?? resources, resources };
  const element = input.assignment.offset + input.index;
  const pull = manifest.spec.slurm.elements !== 'tasks';
  if (!(await spreadStart(context, pull))) return tally.report('drained');
  const picker = createTaskPicker({
    element,
    elements: input.assignment.waveElements,
    tasks,
    shards: meta.shards,
    pull,
    random: () => deps.random.next(),
  });
  await adoptLeftHere(context, meta);
  const ready = await makeReady(context, manifest).catch((error: unknown) =>
    failOwnTasks(context, { picker, terms, error }),
  );
  const working = withPools(context, manifest);
  try {
    return await runTasks(working, { terms, picker, tally, ready });
  } finally {
    await endHandling(working, ready);
  }
}

function withPools(context: ElementContext, { spec }: JobManifest): ElementContext {
  const { pools } = spec;
  if (pools === undefined || context.deps.openPools === undefined) return context;
  return {
    ...context,
    pools: context.deps.openPools(Object.fromEntries(pools.map(({ name, priority }) => [name, priority]))),
  };
}

/** No call is under way any more: turns that were bought ahead go back to the site, and slots. */
async function endHandling({ deps, pools }: ElementContext, { handler }: ElementJob): Promise<void> {
  try {
    await handler.close();
  } finally {
    await Promise.all([deps.limiter?.close(), pools?.close()]);
  }
}

/**
 * Finished work of this job that workers on this node could neither report nor keep where others see it. Nothing waits for it longer than a
 * minute, and trouble with it is no reason not to work.
 */
async function adoptLeftHere({ deps, input }: ElementContext, { shards }: JobMeta): Promise<void> {
  const { store, state, spills, log, clock, stop } = deps;
  if (!spills.local.isThere()) return;
  const over = new AbortController();
  const cancel = clock.after(ADOPTING_MS, () => over.abort());
  try {
    const signal = AbortSignal.any([over.signal, stop]);
    await adoptSpills({ store, state, place: spills.local, log }, { job: input.assignment.job, shards, signal });
  } catch (error) {
    if (!isAppError(error)) throw error;
    log.warn('kept results of this node not adopted', { code: error.code, error: error.message });
  } finally {
    cancel();
  }
}

/** False when the stop signal came first. */
async function spreadStart({ deps, input }: ElementContext, pull: boolean): Promise<boolean> {
  const waitMs = deps.random.next() * startSpreadMs(input.assignment.waveElements, pull);
  return deps.clock.sleep(waitMs, deps.stop).then(
    () => true,
    () => false,
  );
}

async function readMeta({ deps, input }: ElementContext): Promise<JobMeta> {
  const item = await deps.state.get(metaKey(input.assignment.job));
  if (item === null)
    throw new AppError('JOB_NOT_FOUND', { message: `job ${input.assignment.job} is not in ${deps.state.rootUrl}` });
  return item as unknown as JobMeta;
}

function endOf(meta: JobMeta): 'job-over' | 'job-paused' | null {
  if (isFinalJobState(meta.state) || meta.state === 'AGGREGATING') return 'job-over';
  return meta.state === 'PAUSED' ? 'job-paused' : null;
}

async function makeReady({ deps }: ElementContext, manifest: JobManifest): Promise<ElementJob> {
  deps.scratch.check();
  return { manifest, handler: await deps.handlers.load(manifest.spec.handler, manifest.spec.baseDir) };
}

/**
 * The element cannot work. Its own share of the tasks fails with the reason: were they left alone, new elements would be submitted for ever; were
 * more taken, one broken node would fail the whole job.
 */
async function failOwnTasks(
  context: ElementContext,
  failed: { readonly picker: TaskPicker; readonly terms: ClaimTerms; readonly error: unknown },
): Promise<never> {
  const { error, picker, terms } = failed;
  const detail = error instanceof AppError ? `${error.code}: ${error.message}` : `bug in slurmctl: ${String(error)}`;
  for (let next = picker.next(); next.step === 'claim' && !context.deps.stop.aborted; next = picker.next()) {
    const claimed = await claimTask(context, next.task, terms);
    if (claimed !== null) await releaseTask(context, claimed.key, { cause: 'worker-error', detail });
  }
  throw error;
}

interface Running {
  readonly terms: ClaimTerms;
  readonly picker: TaskPicker;
  readonly tally: Tally;
  readonly ready: ElementJob;
}

async function runTasks(context: ElementContext, running: Running): Promise<ElementReport> {
  const { clock, stop } = context.deps;
  const { tally, terms } = running;
  let metaReadMs = clock.nowMs();
  let longestTaskMs: number | null = null;
  for await (const claimed of claims(context, running, () => mayClaimNow(context, terms.own, longestTaskMs))) {
    const startedMs = clock.monotonicMs();
    const report = await runTask(context, running.ready, claimed);
    tally.add(report);
    if (report.isQuotaSpent === true) return tally.report('quota-spent');
    longestTaskMs = Math.max(longestTaskMs ?? 0, clock.monotonicMs() - startedMs);
    if (clock.nowMs() - metaReadMs < META_EVERY_MS) continue;
    const ended = endOf(await patiently(context, () => readMeta(context)));
    if (ended !== null) return tally.report(ended);
    metaReadMs = clock.nowMs();
  }
  if (stop.aborted) return tally.report('drained');
  return tally.report(mayClaimNow(context, terms.own, longestTaskMs) ? 'no-tasks' : 'time-short');
}

const mayClaimNow = ({ deps, input }: ElementContext, own: ElementSize, longestTaskMs: number | null): boolean =>
  !deps.stop.aborted &&
  mayClaim({ nowMs: deps.clock.nowMs(), endsAtMs: input.endsAtMs, timeMs: own.timeMs, longestTaskMs });

/** Tasks this element now owns, one at a time, while `goOn` says so: first those of its own earlier run, then by the picker. */
async function* claims(
  context: ElementContext,
  { terms, picker }: Running,
  goOn: () => boolean,
): AsyncGenerator<ClaimedTask> {
  if (context.input.restarts > 0)
    for await (const claimed of leftBehind(context, terms, goOn)) {
      picker.exclude(claimed.task);
      yield claimed;
    }
  while (goOn()) {
    const next = picker.next();
    if (next.step === 'done') return;
    if (next.step === 'look') picker.found(await patiently(context, () => claimableIn(context, terms, next.shard)));
    else {
      const claimed = await claimTask(context, next.task, terms);
      if (claimed !== null) yield claimed;
    }
  }
}

async function* leftBehind(
  context: ElementContext,
  { shards, resources }: ClaimTerms,
  goOn: () => boolean,
): AsyncGenerator<ClaimedTask> {
  for (let shard = 0; shard < shards; shard += 1) {
    for (const left of await patiently(context, () => leftBehindIn(context, shard))) {
      if (!goOn()) return;
      // A worn task is left to reconcile, which writes down how its attempt ended.
      if (!isWorn(left.item)) await recordTakenOver(context, left, resources);
      const claimed = await takeOverTask(context, left, shards);
      if (claimed !== null) yield claimed;
    }
  }
}

async function leftBehindIn(context: ElementContext, shard: number): Promise<LeftBehind[]> {
  const found: LeftBehind[] = [];
  for await (const { sort, item } of context.deps.state.query(taskPartition(context.input.assignment.job, shard))) {
    const task = asTaskItem(item);
    if (isLeftBehind(task, context.attempt)) found.push({ task: asTaskId(sort), item: task });
  }
  return found;
}

async function claimableIn(
  { deps, input }: ElementContext,
  { own, resources }: ClaimTerms,
  shard: number,
): Promise<Claimable> {
  const { job, wave } = input.assignment;
  const found = { own: [] as TaskId[], lesser: [] as TaskId[] };
  for await (const { sort, item } of deps.state.query(taskPartition(job, shard))) {
    const { state, wave: taskWave, needs } = asTaskItem(item);
    const size = sizeFor(resources, needs);
    if (state !== 'PENDING' || taskWave > wave || !isBigEnough(own, size)) continue;
    (isSameSize(own, size) ? found.own : found.lesser).push(asTaskId(sort));
  }
  return found;
}

interface Tally {
  add(task: { readonly end: string; readonly items: number; readonly failed: number }): void;
  report(stopped: ElementReport['stopped']): ElementReport;
}

function createTally(): Tally {
  const sums = { claimed: 0, committed: 0, items: 0, failed: 0 };
  return {
    add(task) {
      sums.claimed += 1;
      if (task.end !== 'committed') return;
      sums.committed += 1;
      sums.items += task.items;
      sums.failed += task.failed;
    },
    report: (stopped) => ({ ...sums, stopped }),
  };
}
