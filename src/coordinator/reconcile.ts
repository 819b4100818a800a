/**
 * Holds every unfinished task against the batch system and moves those whose attempt is over: RUNNING → WAIT or DEAD, WAIT → PENDING when
 * due. Each move is one conditional write on what was seen, so a worker that commits in the meantime wins.
 *
 * The order matters: element states are asked for *before* the tasks are read. An element that had ended by then cannot have claimed or
 * committed anything afterwards.
 */
import type { Cause } from '../domain/causes.ts';
import { elementOf, type ElementId, type JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { JobManifest } from '../domain/manifest.ts';
import { taskKey } from '../domain/state-keys.ts';
import { isAppError } from '../errors/app-error.ts';
import type { ElementState } from '../ports/batch-system.ts';
import type { StateChange, StateCondition } from '../ports/state-table.ts';
import { createDemandCollector, type Demand } from './demand.ts';
import { createHints, type Hints } from './hints.ts';
import { judgeReleased, judgeRunning } from './judge-running.ts';
import type { CoordinatorDeps } from './needs.ts';
import { createCounter, readTasks, type Counts, type Task } from './task-list.ts';

const DETAIL_CHARS = 300;

export interface ReconcileRequest {
  readonly job: JobId;
  readonly manifest: JobManifest;
  readonly meta: JobMeta;
  readonly elements: ReadonlyMap<ElementId, ElementState>;
}

export interface Reconciled extends Counts {
  /** Tasks claimable after this pass, by what they ask for. */
  readonly demand: Demand;
  /** RUNNING tasks whose owner nobody can vouch for. */
  readonly unclear: number;
  /** Epoch ms of the earliest retry that is not due yet; null without one. */
  readonly nextRetryMs: number | null;
  /** One sentence a move. */
  readonly steps: readonly string[];
}

/** One pass over all tasks of a job. */
export async function reconcileTasks(deps: CoordinatorDeps, request: ReconcileRequest): Promise<Reconciled> {
  const counter = createCounter(request.meta.submittedWave);
  const hints = createHints(deps);
  const collector = createDemandCollector(request.manifest.spec.resources);
  const steps: string[] = [];
  const waiting: number[] = [];
  let unclear = 0;
  for await (const seen of readTasks(deps.state, request.job, request.meta.shards)) {
    const settled = await settleTask(deps, { ...request, hints }, seen);
    if (settled.step !== undefined) steps.push(settled.step);
    if (settled.unclear) unclear += 1;
    const task = settled.task;
    counter.add(task);
    collector.add(task, seen.state !== 'PENDING');
    if (task.state === 'WAIT' && task.notBeforeMs !== undefined) waiting.push(task.notBeforeMs);
  }
  return {
    ...counter.counts(),
    demand: collector.demand(),
    unclear,
    steps,
    nextRetryMs: waiting.length === 0 ? null : minOf(waiting),
  };
}

interface Pass extends ReconcileRequest {
  readonly hints: Hints;
}

const minOf = (values: readonly number[]): number => values.reduce((least, value) => Math.min(least, value));

interface Settled {
  readonly task: Task;
  readonly step?: string;
  readonly unclear?: boolean;
}

async function settleTask(deps: CoordinatorDeps, request: Pass, seen: Task): Promise<Settled> {
  if (seen.state === 'RUNNING') return settleRunning(deps, request, seen);
  if (seen.state === 'WAIT') return settleWaiting(deps, request, seen);
  return { task: seen };
}

async function settleRunning(deps: CoordinatorDeps, request: Pass, task: Task): Promise<Settled> {
  const verdict = judgeRunning(task, elementOfOwner(request, task), deps.clock.nowMs());
  if (verdict.fate !== 'gone') return { task, unclear: verdict.fate === 'unclear' };
  return decide(deps, request, task, verdict);
}

const elementOfOwner = ({ elements }: ReconcileRequest, { owner }: Task): ElementState | undefined =>
  owner === undefined ? undefined : elements.get(elementOf(owner));

async function settleWaiting(deps: CoordinatorDeps, request: Pass, task: Task): Promise<Settled> {
  if (task.notBeforeMs === undefined) {
    const verdict = judgeReleased(task, elementOfOwner(request, task), deps.clock.nowMs());
    return verdict.fate === 'gone' ? decide(deps, request, task, verdict) : { task, unclear: true };
  }
  if (task.notBeforeMs > deps.clock.nowMs()) return { task };
  return moveTask(deps, request, task, {
    // The wave stays: whatever element is live may claim the task, however long it has been running.
    change: { set: { state: 'PENDING' }, remove: ['notBeforeMs'] },
    // This wait, and not one of a later attempt that a slow pass knows nothing of.
    when: {
      op: 'and',
      of: [
        { op: 'equals', path: 'state', value: 'WAIT' },
        { op: 'equals', path: 'attempts', value: task.attempts },
        { op: 'equals', path: 'notBeforeMs', value: task.notBeforeMs },
      ],
    },
  });
}

/** The attempt is over without a commit: retry later, or give up. */
async function decide(
  deps: CoordinatorDeps,
  request: Pass,
  task: Task,
  why: { readonly cause: Cause; readonly detail: string },
): Promise<Settled> {
  const saved = task.checkpoint?.items ?? 0;
  const decision = deps.decideRetry({
    task,
    cause: why.cause,
    progressed: saved > (task.checkpointSeen ?? 0),
    policy: request.manifest.spec.retry,
    random: deps.random.next(),
  });
  const detail = why.detail.slice(0, DETAIL_CHARS);
  const base = { cause: why.cause, causeDetail: detail, checkpointSeen: saved };
  const remove = ['owner', 'node', 'heartbeatMs', 'progress', 'progressFailed'];
  const unchanged: StateCondition =
    task.state === 'RUNNING'
      ? {
          op: 'and',
          of: [
            { op: 'equals', path: 'state', value: 'RUNNING' },
            { op: 'equals', path: 'owner', value: task.owner ?? '' },
          ],
        }
      : {
          op: 'and',
          of: [
            { op: 'equals', path: 'state', value: 'WAIT' },
            { op: 'equals', path: 'attempts', value: task.attempts },
            { op: 'absent', path: 'notBeforeMs' },
          ],
        };
  if (decision.action === 'give-up') {
    const moved = await moveTask(deps, request, task, {
      change: { set: { ...base, state: 'DEAD' }, remove },
      when: unchanged,
    });
    return moved.task.state === 'DEAD'
      ? { ...moved, step: `task ${task.id}: ${why.cause} (${detail}); given up: ${decision.why}` }
      : moved;
  }
  const notBeforeMs = deps.clock.nowMs() + decision.delayMs;
  const refund = decision.refund ? { add: { charged: -1 } } : {};
  const moved = await moveTask(deps, request, task, {
    change: { set: { ...base, state: 'WAIT', notBeforeMs }, remove, ...refund },
    when: unchanged,
  });
  if (moved.task.state !== 'WAIT') return moved;
  const { id, generation, attempts } = moved.task;
  const dueMs = moved.task.notBeforeMs ?? notBeforeMs;
  await request.hints.send({ job: request.job, task: id, generation, attempts, notBeforeMs: dueMs });
  return {
    ...moved,
    step: `task ${task.id}: ${why.cause} (${detail}); retried in ${Math.ceil(decision.delayMs / 1_000)} s`,
  };
}

/** A refused move means somebody else was there first: the task is then as they left it. */
async function moveTask(
  deps: CoordinatorDeps,
  request: Pass,
  task: Task,
  move: { readonly change: StateChange; readonly when: StateCondition },
): Promise<Settled> {
  const key = taskKey(request.job, task.id, request.meta.shards);
  try {
    const result = await deps.state.write(key, move.change, move.when);
    const item = result.applied ? result.item : result.current;
    return { task: { ...(item as unknown as Task), id: task.id } };
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return { task: { ...((await deps.state.get(key)) as unknown as Task), id: task.id } };
  }
}
