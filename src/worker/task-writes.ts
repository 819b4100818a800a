/** Every conditional write a worker makes on a task item; nothing else in this room changes state. */
import type { Cause } from '../domain/causes.ts';
import { DETAIL_CHARS } from '../domain/history.ts';
import type { ElementSize } from '../domain/element-size.ts';
import { elementOf, type AttemptId, type TaskId } from '../domain/ids.ts';
import { taskKey, type StateKey } from '../domain/state-keys.ts';
import { taskStatesBefore } from '../domain/states.ts';
import {
  MAX_IDLE_ATTEMPTS,
  type CheckpointPointer,
  type TaskHolding,
  type TaskItem,
  type TaskWaiting,
  type Win,
} from '../domain/task-item.ts';
import type { Limiter, Pools } from '../ports/limiter.ts';
import type { StateCondition, StateItem } from '../ports/state-table.ts';
import type { ElementContext, WriteContext } from './needs.ts';
import type { Progress } from './outcome-buffer.ts';
import { writeDecided, type DecidedWrite } from './decided-write.ts';

/** A task this attempt owns, as it was when claimed. */
export interface ClaimedTask {
  readonly task: TaskId;
  readonly key: StateKey;
  readonly item: TaskItem;
}

export const asTaskItem = (item: StateItem): TaskItem => item as unknown as TaskItem;

const equals = (path: string, value: string | number): StateCondition => ({ op: 'equals', path, value });
const owned = (attempt: AttemptId): StateCondition[] => [equals('state', 'RUNNING'), equals('owner', attempt)];
const isOwnedBy = (attempt: AttemptId) => (item: StateItem) => item['state'] === 'RUNNING' && item['owner'] === attempt;

const ownership = ({ deps, input, attempt }: ElementContext) => ({
  state: 'RUNNING',
  owner: attempt,
  node: input.node,
  heartbeatMs: deps.clock.nowMs(),
  startedMs: deps.clock.nowMs(),
  progress: 0,
  progressFailed: 0,
});
/** What is said of an attempt that has ended, and of what a running one does. */
/** What a worker says of limits and pools, with each heartbeat. */
const SHARED_FIELDS = ['waiting', 'holds'];
const ATTEMPT_ENDED = ['cause', 'causeDetail', 'notBeforeMs', 'exitCode', 'signal', 'deferred', 'inFlight', 'trying'];

/** What an element says of itself when it claims. */
export interface ClaimTerms {
  readonly shards: number;
  /** What the element asked for, and what the job file asks for. */
  readonly own: ElementSize;
  readonly resources: ElementSize;
}

/** PENDING → RUNNING. Null when somebody else has the task, it asks for more than this element has, or it is not claimable. */
export async function claimTask(
  context: ElementContext,
  task: TaskId,
  { shards, own, resources }: ClaimTerms,
): Promise<ClaimedTask | null> {
  const { input, attempt } = context;
  const key = taskKey(input.assignment.job, task, shards);
  const result = await writeDecided(context, {
    key,
    change: {
      set: ownership(context),
      add: { attempts: 1, charged: 1 },
      remove: [...ATTEMPT_ENDED, ...SHARED_FIELDS],
    },
    when: {
      op: 'and',
      of: [
        equals('state', 'PENDING'),
        { op: 'at-most', path: 'wave', value: input.assignment.wave },
        asksAtMost('needs.memoryBytes', own.memoryBytes, resources.memoryBytes),
        asksAtMost('needs.timeMs', own.timeMs, resources.timeMs),
      ],
    },
    mine: isOwnedBy(attempt),
  });
  return result.applied ? { task, key, item: asTaskItem(result.item) } : null;
}

/** A task without needs of its own asks for what the job file does. */
function asksAtMost(path: string, own: number, resource: number): StateCondition {
  const within: StateCondition = { op: 'at-most', path, value: own };
  return own < resource ? within : { op: 'or', of: [{ op: 'absent', path }, within] };
}

/** Is this a task that an earlier run of the same element was working on when the batch system restarted it? */
export function isLeftBehind(item: TaskItem, attempt: AttemptId): item is LeftBehind['item'] {
  if (item.state !== 'RUNNING' || item.owner === undefined) return false;
  return elementOf(item.owner) === elementOf(attempt) && restartsOf(item.owner) < restartsOf(attempt);
}

const restartsOf = (attempt: AttemptId): number => Number(attempt.slice(attempt.lastIndexOf('.') + 1));

export interface LeftBehind {
  readonly task: TaskId;
  /** As it was seen. */
  readonly item: TaskItem & { readonly owner: AttemptId };
}

/** Has the task used up its attempts without any progress? */
export const isWorn = ({ idleAttempts }: TaskItem): boolean => (idleAttempts ?? 0) >= MAX_IDLE_ATTEMPTS;

/** No planner is asked about an attempt that is taken over, so that each of them counts as one that brought nothing. */
const NOT_WORN: readonly StateCondition[] = [
  { op: 'absent', path: 'idleAttempts' },
  { op: 'less', path: 'idleAttempts', value: MAX_IDLE_ATTEMPTS },
];

/**
 * RUNNING → RUNNING, from an earlier run of the same element. Only the batch system restarts elements, for reasons of its own (node failure,
 * preemption, requeue), so the attempt is not charged, and what it was trying is forgotten: it says nothing of an item, and a death of the heir before
 * it comes to the suspects must not be put on them. Null when somebody else has the task, or when it has used up its attempts: it is then left to
 * reconcile, because a task that kills its node would otherwise come back with every restart.
 */
export async function takeOverTask(
  context: ElementContext,
  left: LeftBehind,
  shards: number,
): Promise<ClaimedTask | null> {
  const key = taskKey(context.input.assignment.job, left.task, shards);
  const result = await writeDecided(context, {
    key,
    change: {
      set: ownership(context),
      add: { attempts: 1, idleAttempts: 1 },
      remove: [...ATTEMPT_ENDED, ...SHARED_FIELDS],
    },
    when: { op: 'and', of: [...owned(left.item.owner), { op: 'or', of: NOT_WORN }] },
    mine: isOwnedBy(context.attempt),
  });
  return result.applied ? { task: left.task, key, item: asTaskItem(result.item) } : null;
}

/** RUNNING → RUNNING. One try, because the next heartbeat comes anyway; false: the attempt no longer owns the task. */
export async function heartbeat(
  { deps, attempt, pools }: ElementContext,
  key: StateKey,
  { rows, failed, busy }: Progress,
): Promise<boolean> {
  const set = {
    heartbeatMs: deps.clock.nowMs(),
    progress: rows,
    progressFailed: failed,
    ...(busy === undefined ? {} : { busy: { ...busy } }),
  };
  const waiting = waitingOf({ limiter: deps.limiter, pools });
  const holds = holdsOf(deps.limiter);
  const change = {
    set: { ...set, ...(waiting === null ? {} : { waiting }), ...(holds === null ? {} : { holds }) },
    remove: [...(waiting === null ? ['waiting'] : []), ...(holds === null ? ['holds'] : [])],
  };
  const result = await deps.state.write(key, change, { op: 'and', of: owned(attempt) });
  return result.applied;
}

/** What most calls of this process wait for at this moment. */
export function waitingOf(of: {
  readonly limiter: Limiter | undefined;
  readonly pools: Pools | undefined;
}): TaskWaiting | null {
  const [turn, slot] = [of.limiter?.waiting() ?? null, of.pools?.waiting() ?? null];
  if (slot !== null && slot.calls > (turn?.calls ?? 0)) return { kind: 'pool', name: slot.name, calls: slot.calls };
  if (turn === null) return null;
  const { name, calls } = turn;
  return { kind: 'limit', name, calls, ...(turn.untilMs === null ? {} : { untilMs: Math.ceil(turn.untilMs) }) };
}

/** Larger ones would not leave the item below 1 KB. */
const MOST_HOLDS = 3;

/** What this process has of limits; null: nothing. */
function holdsOf(limiter: Limiter | undefined): TaskHolding[] | null {
  const holdings = limiter?.holdings().slice(0, MOST_HOLDS) ?? [];
  if (holdings.length === 0) return null;
  return holdings.map(({ name, had, held }) => {
    if (held === null) return { limit: name, had };
    const { unit, units, untilMs } = held;
    return { limit: name, had, left: units, untilMs, ...(unit === 'requests' ? {} : { unit }) };
  });
}

/** Moves the checkpoint pointer forward; false: the attempt no longer owns the task. */
export async function moveCheckpoint(
  context: WriteContext,
  key: StateKey,
  pointer: CheckpointPointer,
): Promise<boolean> {
  const { failed = 0, ...place } = pointer;
  const forward: StateCondition = {
    op: 'or',
    of: [
      { op: 'absent', path: 'checkpoint' },
      { op: 'not', of: equals('checkpoint.attempt', pointer.attempt) },
      { op: 'less', path: 'checkpoint.seq', value: pointer.seq },
    ],
  };
  const result = await writeDecided(context, {
    key,
    change: {
      set: { checkpoint: { ...place, ...(failed === 0 ? {} : { failed }) }, heartbeatMs: context.deps.clock.nowMs() },
    },
    when: { op: 'and', of: [...owned(context.attempt), forward] },
    mine: (item) => {
      const { checkpoint } = asTaskItem(item);
      return checkpoint?.attempt === pointer.attempt && checkpoint.seq === pointer.seq;
    },
  });
  return result.applied;
}

const PROGRESS_FIELDS = ['progress', 'progressFailed', 'busy', ...SHARED_FIELDS];
const OWNER_FIELDS = ['owner', 'node', 'heartbeatMs', ...PROGRESS_FIELDS];

/** Why an attempt ended without a commit. `detail`: one line for people, cut where it is too long. */
export type AttemptEnd = { readonly cause: Cause; readonly detail: string } & Pick<
  TaskItem,
  'exitCode' | 'signal' | 'deferred'
>;

/**
 * RUNNING → WAIT with the cause, by an attempt that gives its task back. `notBeforeMs` stays absent: that tells reconcile that nobody has decided
 * about the retry yet. Owner and heartbeat stay for it too: the batch system may know the cause better. False: the attempt no longer owned the task.
 */
export const releaseTask = (context: WriteContext, key: StateKey, end: AttemptEnd): Promise<boolean> =>
  toWait(context, key, end, ['trying']);

/**
 * RUNNING → WAIT for an attempt that is dead, by whoever saw it die. What it was trying stays: that is what it died of.
 * `inFlight`: item ranges; absent: nothing was being run, or that is not known.
 */
export const buryAttempt = (
  context: WriteContext,
  key: StateKey,
  end: AttemptEnd & Pick<TaskItem, 'inFlight'>,
): Promise<boolean> => toWait(context, key, end, []);

async function toWait(
  context: WriteContext,
  key: StateKey,
  { cause, detail, ...more }: AttemptEnd,
  remove: readonly string[],
): Promise<boolean> {
  const causeDetail = detail.slice(0, DETAIL_CHARS);
  const result = await writeDecided(context, {
    key,
    change: {
      set: { state: 'WAIT', cause, causeDetail, ...more, heartbeatMs: context.deps.clock.nowMs() },
      remove: [...PROGRESS_FIELDS, 'notBeforeMs', ...remove],
    },
    when: { op: 'and', of: owned(context.attempt) },
    mine: (item) => item['state'] === 'WAIT' && item['causeDetail'] === causeDetail,
  });
  return result.applied;
}

/** RUNNING → RUNNING: says which suspects (item ranges) are run next. False: the attempt no longer owns the task. */
export async function announceSuspects(context: WriteContext, key: StateKey, trying: string): Promise<boolean> {
  const result = await writeDecided(context, {
    key,
    change: { set: { trying, heartbeatMs: context.deps.clock.nowMs() } },
    when: { op: 'and', of: owned(context.attempt) },
    mine: (item) => isOwnedBy(context.attempt)(item) && item['trying'] === trying,
  });
  return result.applied;
}

/** RUNNING → RUNNING: no suspect is being run any more. One try, and no answer: what is finished is committed, whoever owns the task. */
export async function acquitSuspects({ deps, attempt }: ElementContext, key: StateKey): Promise<void> {
  const set = { heartbeatMs: deps.clock.nowMs() };
  await deps.state.write(key, { set, remove: ['trying'] }, { op: 'and', of: owned(attempt) });
}

/**
 * The commit: `win` and DONE in one write, from any state that may become DONE, because a finished output counts even when the attempt lost
 * its task meanwhile. Refused when another attempt has won, or the generation changed.
 */
export const commitOf = (generation: number, win: Win): Pick<DecidedWrite, 'change' | 'when' | 'mine'> => ({
  change: {
    set: { state: 'DONE', win: { ...win } },
    remove: [...OWNER_FIELDS, ...ATTEMPT_ENDED, 'startedMs', 'checkpoint', 'suspects', 'strikes', 'strikesOf'],
  },
  when: {
    op: 'and',
    of: [
      { op: 'absent', path: 'win' },
      equals('generation', generation),
      { op: 'in', path: 'state', values: taskStatesBefore('DONE') },
    ],
  },
  mine: (item) => asTaskItem(item).win?.attempt === win.attempt,
});

/** False: another attempt won, or the generation changed. */
export async function commitTask(context: ElementContext, claimed: ClaimedTask, win: Win): Promise<boolean> {
  const result = await writeDecided(context, { key: claimed.key, ...commitOf(claimed.item.generation, win) });
  return result.applied;
}
