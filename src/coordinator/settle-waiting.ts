/**
 * WAIT → PENDING for tasks whose retry is due, unless they are held back: by the breaker of their failure, which lets one of them try first, or by
 * the retry budget of the job. Everything it goes by is in the state table, so that any pass takes up where the one before ended.
 */
import { limitKey, type LimitItem } from '../domain/limit.ts';
import { historyKey } from '../domain/state-keys.ts';
import type { StateChange } from '../ports/state-table.ts';
import { inWindows } from './at-once.ts';
import { gateOf, type Gate } from './gate-failures.ts';
import { moveTask, sameWait } from './move-task.ts';
import type { CoordinatorDeps } from './needs.ts';
import type { Pass, Settled } from './reconcile.ts';
import type { RetrySums } from './retry-sums.ts';
import type { Task } from './task-list.ts';

/** Why tasks that could be retried are not: the budget. What breakers hold is stored with them. */
export interface Held {
  readonly tasks: number;
  /** One line for people. */
  readonly why: string;
}

export interface Waited {
  readonly settled: readonly Settled[];
  readonly held: Held | null;
  /** One sentence a breaker that changed. */
  readonly steps: readonly string[];
  /** Epoch ms at which a task that is held back may go on; null: when another one ends, or none is held. */
  readonly nextMs: number | null;
}

/** @param waiting tasks in WAIT with a time, in any order */
export async function settleWaiting(
  deps: CoordinatorDeps,
  pass: Pass,
  { waiting, sums }: { readonly waiting: readonly Task[]; readonly sums: RetrySums },
): Promise<Waited> {
  const gates = await gateOf(deps, pass, { waiting, sums });
  const budget = createBudget(deps, sums);
  const isStatedAnew = await limitsStatedAnew(deps, waiting);
  const inOrder = waiting.toSorted((a, b) => (a.notBeforeMs ?? 0) - (b.notBeforeMs ?? 0));
  const chosen = inOrder.map((task) => ({
    task,
    turn: turnOf(deps, { task, gate: gates.of(task), budget, isStatedAnew }),
  }));
  const settled = await inWindows(chosen, ({ task, turn }) => takeTurn(deps, pass, task, turn));
  return { settled, held: budget.held(), steps: gates.steps, nextMs: gates.nextMs() };
}

/** Which tasks wait for the quota of a limit that a person has stated otherwise since, or deleted: they find out what counts. */
async function limitsStatedAnew(
  { state }: CoordinatorDeps,
  waiting: readonly Task[],
): Promise<(task: Task) => boolean> {
  const quotaOf = ({ cause, deferred }: Task) => (cause === 'quota-spent' ? deferred?.quota : undefined);
  const names = new Set(waiting.flatMap((task) => quotaOf(task)?.limit ?? []));
  const statedMs = new Map<string, number | undefined>();
  for (const name of names)
    statedMs.set(name, ((await state.get(limitKey(name))) as unknown as LimitItem | null)?.setMs);
  return (task) => {
    const quota = quotaOf(task);
    return quota !== undefined && statedMs.get(quota.limit) !== quota.setMs;
  };
}

type Turn =
  | { readonly is: 'held' | 'not-due' | 'retry' }
  | { readonly is: 'given-up' | 'last-try'; readonly why: string };

interface Asked {
  readonly task: Task;
  readonly gate: Gate;
  readonly budget: Budget;
  readonly isStatedAnew: (task: Task) => boolean;
}

function turnOf({ clock }: CoordinatorDeps, { task, gate, budget, isStatedAnew }: Asked): Turn {
  if (gate.lets === 'none') return { is: 'held' };
  if (gate.lets === 'give-up') return { is: 'given-up', why: gate.why };
  if ((task.notBeforeMs ?? 0) > clock.nowMs() && !isStatedAnew(task)) return { is: 'not-due' };
  // One each, as in the beginning: the budget is for those that may come again and again.
  if (gate.lets === 'last-try') return { is: 'last-try', why: gate.why };
  // The canary pays for nothing.
  return { is: gate.lets === 'canary' || budget.takes(task) ? 'retry' : 'held' };
}

async function takeTurn(deps: CoordinatorDeps, pass: Pass, task: Task, turn: Turn): Promise<Settled> {
  switch (turn.is) {
    case 'held':
      return { task, held: true };
    case 'not-due':
      return { task };
    case 'given-up':
      return giveUp(deps, pass, task, turn.why);
    case 'last-try':
      return tryOnceMore(deps, pass, task, turn.why);
    case 'retry':
      return { task: (await makeClaimable(deps, pass, task)).task };
  }
}

/** The wave stays: whatever element is live may claim the task, however long it has been running. */
const makeClaimable = (deps: CoordinatorDeps, pass: Pass, task: Task, more: { readonly leavesNone?: true } = {}) =>
  moveTask(deps, pass, task, {
    change: { set: { state: 'PENDING', ...more }, remove: ['notBeforeMs'] },
    when: sameWait(task),
  });

/** In an attempt that ends every item by its own rule. */
async function tryOnceMore(deps: CoordinatorDeps, pass: Pass, task: Task, reason: string): Promise<Settled> {
  const why = `retried once more, so that each item that was left ends by its own rule: ${reason}`;
  await noteOnRecord(deps, pass, task, { set: { why } });
  const { task: after, moved } = await makeClaimable(deps, pass, task, { leavesNone: true });
  return moved
    ? { task: after, step: `task ${task.id}: ${task.cause} (${task.causeDetail ?? ''}); ${why}` }
    : { task: after };
}

/** The record of its last attempt says so too. */
async function giveUp(deps: CoordinatorDeps, pass: Pass, task: Task, why: string): Promise<Settled> {
  const noted = { set: { decision: 'give-up', why: `given up: ${why}` }, remove: ['notBeforeMs'] };
  await noteOnRecord(deps, pass, task, noted);
  const { task: after, moved } = await moveTask(deps, pass, task, {
    change: { set: { state: 'DEAD' }, remove: ['notBeforeMs'] },
    when: sameWait(task),
  });
  if (!moved) return { task: after };
  return { task: after, step: `task ${task.id}: ${task.cause} (${task.causeDetail ?? ''}); given up: ${why}` };
}

async function noteOnRecord(
  { state }: CoordinatorDeps,
  { job }: Pass,
  { id, attempts }: Pick<Task, 'id' | 'attempts'>,
  change: StateChange,
): Promise<void> {
  await state.write(historyKey(job, id, attempts), change, { op: 'item-present' });
}

interface Budget {
  /** May this task be retried? Counts it, if so. */
  takes(task: Task): boolean;
  held(): Held | null;
}

function createBudget({ planner }: CoordinatorDeps, { budget }: RetrySums): Budget {
  let allowed = planner.retriesAllowed(budget);
  let refused = 0;
  return {
    takes(task) {
      if (task.charged === 0 || !planner.isPlainRetry(task)) return true;
      if (allowed <= 0) refused += 1;
      else allowed -= 1;
      return refused === 0;
    },
    held: () =>
      refused === 0
        ? null
        : {
            tasks: refused,
            why: `${refused} ${refused === 1 ? 'task waits' : 'tasks wait'} to be retried: the job's retry budget is used up (ten tasks that are done earn one retry), so they are retried one at a time`,
          },
  };
}
