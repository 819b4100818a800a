/**
 * Holds every unfinished task against the batch system and moves those whose attempt is over: RUNNING → WAIT or DEAD, WAIT → PENDING when
 * due. Each move is one conditional write on what was seen, so a worker that commits in the meantime wins.
 *
 * The order matters: element states are asked for *before* the tasks are read. An element that had ended by then cannot have claimed or
 * committed anything afterwards. And whoever waits is looked at last, because what becomes of them depends on all others.
 */
import { effectiveRules } from '../domain/builtin-rules.ts';
import { elementOf, type ElementId, type JobId, type TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { JobManifest } from '../domain/manifest.ts';
import type { RetryQuestion } from '../domain/retry-decision.ts';
import type { RetryRule } from '../domain/retry-rules.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ElementState } from '../ports/batch-system.ts';
import { streamInWindows } from './at-once.ts';
import { readBreakers, type Breakers } from './breakers.ts';
import { createDemandCollector, type Demand } from './demand.ts';
import { createHints, type Hints } from './hints.ts';
import type { CoordinatorDeps } from './needs.ts';
import { createRetrySums } from './retry-sums.ts';
import { isUndecided, settleTask } from './settle-task.ts';
import { settleWaiting, type Held } from './settle-waiting.ts';
import { createTriesCollector, type SeenTries } from './seen-tries.ts';
import type { Submission } from './submissions.ts';
import { createCounter, readTasks, type Counts, type Task } from './task-list.ts';

export interface ReconcileRequest {
  readonly job: JobId;
  readonly manifest: JobManifest;
  readonly meta: JobMeta;
  readonly elements: ReadonlyMap<ElementId, ElementState>;
  /** The outbox, for elements that have to be cancelled. */
  readonly rows?: readonly Submission[];
}

export interface Reconciled extends Counts {
  /** Tasks claimable after this pass, by what they ask for. */
  readonly demand: Demand;
  /** RUNNING tasks whose owner nobody can vouch for, and tasks handed back that nobody has decided about. */
  readonly unclear: number;
  /** Elements whose attempt nobody has decided about: what the batch system says of them is still needed. */
  readonly undecided: ReadonlySet<ElementId>;
  /** Epoch ms of the earliest retry that is not due yet; null without one. */
  readonly nextRetryMs: number | null;
  /** Items that have failed for good: in committed results, and of tasks that were given up. */
  readonly lost: number;
  /** Tasks whose retry is due and that the retry budget holds back; null without any. */
  readonly held: Held | null;
  /** What tries took so far, and who waits for turns. */
  readonly tries: SeenTries;
  /** One sentence a move. */
  readonly steps: readonly string[];
}

/** A request with what one pass has at hand. */
export interface Pass extends ReconcileRequest {
  readonly hints: Hints;
  readonly breakers: Breakers;
  readonly rules: readonly RetryRule[];
  /** The most that an element can get; asked for once. */
  readonly most: () => Promise<RetryQuestion['most']>;
}

/** A task as the pass leaves it. */
export interface Settled {
  readonly task: Task;
  readonly step?: string;
  readonly unclear?: boolean;
  /** Its retry is held back. */
  readonly held?: boolean;
}

/** One pass over all tasks of a job. */
export async function reconcileTasks(deps: CoordinatorDeps, request: ReconcileRequest): Promise<Reconciled> {
  const pass = await openPass(deps, request);
  const counter = createCounter(request.meta.submittedWave);
  const collector = createDemandCollector(request.manifest.spec.resources);
  const sums = createRetrySums(canariesOf(pass));
  const tries = createTriesCollector();
  const waiting: Task[] = [];
  const undecided = new Set<ElementId>();
  const steps: string[] = [];
  let nextRetryMs: number | null = null;
  let unclear = 0;
  let lost = 0;
  const leave = (settled: Settled, isReleased: boolean): void => {
    const { task, step } = settled;
    if (step !== undefined) steps.push(step);
    if (settled.unclear === true || (task.state === 'WAIT' && isUndecided(task))) unclear += 1;
    if (isUndecided(task) && task.owner !== undefined) undecided.add(elementOf(task.owner));
    counter.add(task);
    lost += lostItems(task);
    collector.add(task, isReleased);
    if (task.state === 'WAIT' && task.notBeforeMs !== undefined && settled.held !== true)
      nextRetryMs = Math.min(nextRetryMs ?? Infinity, task.notBeforeMs);
  };
  for await (const settled of settleAll(deps, pass)) {
    const { task, step } = settled;
    sums.add(task);
    tries.add(task);
    if (task.state === 'WAIT' && task.notBeforeMs !== undefined) {
      if (step !== undefined) steps.push(step);
      waiting.push(task);
    } else leave(settled, false);
  }
  const waited = await settleWaiting(deps, pass, { waiting, sums: sums.sums() });
  for (const settled of waited.settled) leave(settled, true);
  steps.push(...waited.steps);
  const { held, nextMs } = waited;
  return {
    ...counter.counts(),
    demand: collector.demand(),
    unclear,
    undecided,
    steps,
    lost,
    held,
    tries: tries.seen(),
    nextRetryMs: nextMs === null ? nextRetryMs : Math.min(nextMs, nextRetryMs ?? Infinity),
  };
}

/** What a retry left alone is not lost with the task. */
const lostItems = ({ win, state, items, checkpoint, checkpointSeen = 0 }: Task): number =>
  win?.failed ?? (state === 'DEAD' ? items - (checkpoint?.items ?? checkpointSeen) : 0);

async function openPass(deps: CoordinatorDeps, request: ReconcileRequest): Promise<Pass> {
  const { job, manifest } = request;
  let asked: Promise<RetryQuestion['most']> | null = null;
  return {
    ...request,
    hints: createHints(deps),
    breakers: await readBreakers(deps.state, job),
    rules: effectiveRules(manifest.spec.retry),
    most() {
      asked ??= askMost(deps, request);
      return asked;
    },
  };
}

/** A batch system that does not answer bounds nothing: what it cannot give it refuses later. */
async function askMost(
  { batch, log }: CoordinatorDeps,
  { job, manifest }: ReconcileRequest,
): Promise<RetryQuestion['most']> {
  const { slurm, resources } = manifest.spec;
  try {
    const { maxTimeMs, maxMemoryBytes } = await batch.limits({
      ...(slurm.partition === undefined ? {} : { partition: slurm.partition }),
      resources,
    });
    return { memoryBytes: maxMemoryBytes, timeMs: maxTimeMs };
  } catch (error) {
    if (!isAppError(error)) throw error;
    log.warn('limits not known, raising without them', { job, error: error.message });
    return { memoryBytes: null, timeMs: null };
  }
}

function canariesOf({ breakers }: Pass): ReadonlySet<TaskId> {
  return new Set([...breakers.stored.values()].flatMap(({ canary }) => (canary === undefined ? [] : [canary])));
}

/** Every task of the job, those with an attempt to judge after it was judged. */
const settleAll = (deps: CoordinatorDeps, pass: Pass): AsyncIterable<Settled> =>
  streamInWindows(
    readTasks(deps.state, pass.job, pass.meta.shards),
    (task) => settleTask(deps, pass, task),
    (task) => (isUndecided(task) ? null : { task }),
  );
