/**
 * What became of the owner of a RUNNING task; pure. The evidence is the batch system's word about the owner's array element and, where it
 * has none, the owner's heartbeat. Nothing is concluded from absence alone: accounting lags and may be disabled.
 */
import type { Cause } from '../domain/causes.ts';
import { withoutItemsLeft } from '../domain/items-left.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { ElementState } from '../ports/batch-system.ts';

/** A heartbeat is due every 30 s; an owner nobody knows and that is silent this long is given up. */
export const SILENT_MS = 5 * 60_000;
/** An owner whose element runs is suspected to hang after this long without a heartbeat … */
export const STALLED_MS = 10 * 60_000;
/** … and given up when another look, this much later, finds no heartbeat since: whatever kept them all from being stored is over by then. */
export const STALLED_AGAIN_MS = 60_000;

const ENDED_WELL = 'its process ended with exit code 0 in the middle of the task; did the handler call process.exit?';

/** An attempt that is over. */
export interface Gone {
  readonly fate: 'gone';
  readonly cause: Cause;
  /** For people. */
  readonly detail: string;
  /** What the failure said of itself. */
  readonly said?: string;
  /** The process died over it: it did not hand the task back itself. */
  readonly died: boolean;
  /** Whoever saw it die said which items were running: where none are named, none were. */
  readonly isReported?: true;
  /** How it ended, and the batch system's own word, as far as they are known. */
  readonly exitCode?: number;
  readonly signal?: number;
  readonly batchState?: string;
  /** Its element is still there, and has to be cancelled. */
  readonly isStuck?: true;
  /** Epoch ms before which the items that were left are not to be tried again. */
  readonly notBeforeMs?: number;
}

export type Verdict =
  | { readonly fate: 'alive' }
  /** No evidence either way yet: look again. */
  | { readonly fate: 'unclear' }
  /** No heartbeat for long: to be written down, and looked at again. */
  | { readonly fate: 'stalled' }
  | Gone;

type Owned = Pick<TaskItem, 'owner' | 'heartbeatMs' | 'stalled'>;

/** @param element the state of the owner's array element; undefined when no submission of this job has such an element */
export function judgeRunning(task: Owned, element: ElementState | undefined, nowMs: number): Verdict {
  if (element === undefined || element.phase === 'unknown') return judgeSilence(task, element, nowMs);
  const restarted = isRestarted(task, element);
  if (element.phase === 'ended') return judgeEnded(task, element, restarted);
  // A requeued element waits or runs under a higher restart count: the attempt that owns the task is over.
  if (element.phase === 'waiting')
    return restarted ? { ...goneWith(element), cause: 'requeued', detail: describe(element) } : { fate: 'alive' };
  return judgeRunningElement(task, element, { restarted, nowMs });
}

/** The run of the element that owned the task is over, because a later one has begun. */
function isRestarted({ owner }: Pick<TaskItem, 'owner'>, { restarts }: ElementState): boolean {
  const own = Number(owner?.slice(owner.lastIndexOf('.') + 1) ?? 0);
  return restarts !== undefined && restarts > own;
}

function judgeEnded(task: Owned, element: ElementState, restarted: boolean): Verdict {
  // How the last of its runs ended says nothing of the ones before it.
  if (restarted)
    return {
      fate: 'gone',
      died: true,
      batchState: element.rawState,
      cause: 'requeued',
      detail: `${describe(element)} after ${element.restarts} restarts`,
    };
  const gone = goneWith(element);
  if (element.cause === null) return { ...gone, cause: 'worker-error', detail: ENDED_WELL, said: ENDED_WELL };
  // Cancelled by a pass before this one, for that reason.
  if (element.cause === 'cancelled-by-user' && isStalled(task))
    return { ...gone, cause: 'hung', detail: `${sayStalled(task)}, so its element was cancelled` };
  return { ...gone, cause: element.cause, detail: describe(element) };
}

function judgeRunningElement(
  task: Owned,
  element: ElementState,
  { restarted, nowMs }: { readonly restarted: boolean; readonly nowMs: number },
): Verdict {
  const silentMs = nowMs - (task.heartbeatMs ?? nowMs);
  // A suspended element is silent and well.
  if (silentMs < STALLED_MS || element.rawState !== 'RUNNING') return { fate: 'alive' };
  if (restarted)
    return { ...goneWith(element), cause: 'requeued', detail: `${describe(element)} under another attempt` };
  if (!isStalled(task)) return { fate: 'stalled' };
  if (nowMs - (task.stalled?.seenMs ?? nowMs) < STALLED_AGAIN_MS) return { fate: 'unclear' };
  return { ...goneWith(element), cause: 'hung', detail: sayStalled(task), isStuck: true };
}

const isStalled = ({ stalled, heartbeatMs }: Owned): boolean =>
  stalled !== undefined && stalled.heartbeatMs === heartbeatMs;

const sayStalled = ({ heartbeatMs }: Owned): string =>
  `no sign of life since ${new Date(heartbeatMs ?? 0).toISOString()}`;

const goneWith = ({
  rawState,
  exitCode,
  signal,
}: ElementState): Pick<Gone, 'fate' | 'died' | 'exitCode' | 'signal' | 'batchState'> => ({
  fate: 'gone',
  died: true,
  batchState: rawState,
  ...(exitCode === undefined ? {} : { exitCode }),
  ...(signal === undefined || signal === 0 ? {} : { signal }),
});

/** A worker that was told to stop ends within this; an element that is still there is then judged without the batch system's word. */
export const ENDING_MS = 60_000;

/** Ends of which the batch system may know more: a worker cannot tell who sent a signal, and nobody can tell SIGKILL for memory from others. */
const ASKED_ABOUT: readonly Cause[] = ['preempted', 'killed'];
/** Words of the batch system that say more than that a process was killed. */
const TELLING: readonly Cause[] = [
  'oom',
  'time-limit',
  'node-fail',
  'preempted',
  'requeued',
  'cancelled-by-user',
  'cancelled-by-admin',
  'deadline-missed',
];

/** What made a worker hand its task back, or what ended it, when the report of its crash did that for it. */
export function judgeReleased(
  task: Pick<TaskItem, 'owner' | 'heartbeatMs' | 'cause' | 'causeDetail' | 'exitCode' | 'signal' | 'deferred'>,
  element: ElementState | undefined,
  nowMs: number,
): Verdict {
  const { cause = 'unknown', causeDetail: said = '', exitCode, signal, deferred } = task;
  const ending = {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
  };
  // The cause is that of an item, and the worker that left it is well: nothing was running when it handed the task back.
  if (deferred !== undefined) {
    const due = deferred.dueMs === undefined ? {} : { notBeforeMs: deferred.dueMs };
    const own = { cause, detail: said, said: withoutItemsLeft(said), died: false, isReported: true } as const;
    return { fate: 'gone', ...own, ...ending, ...due };
  }
  const own: Gone = {
    fate: 'gone',
    cause,
    detail: said,
    said,
    ...(exitCode === undefined && signal === undefined ? { died: false } : { died: true, isReported: true }),
    ...ending,
  };
  if (!ASKED_ABOUT.includes(cause) || element === undefined) return own;
  const restarted = isRestarted(task, element);
  const mayTell = element.phase === 'running' || (cause === 'killed' && element.phase === 'unknown');
  if (mayTell && !restarted && nowMs - (task.heartbeatMs ?? 0) < ENDING_MS) return { fate: 'unclear' };
  const word = restarted ? wordOfRestart(cause) : element.phase === 'ended' ? element.cause : null;
  if (word === null || word === cause || (cause === 'killed' && !TELLING.includes(word))) return own;
  return { ...own, cause: word, detail: `${describe(element)}; ${said}`, batchState: element.rawState };
}

/** A restart ends the run before it with SIGTERM and SIGKILL; whatever ended the last run says nothing of that one. */
const wordOfRestart = (cause: Cause): Cause | null => (cause === 'killed' ? 'requeued' : null);

function judgeSilence(task: Owned, element: ElementState | undefined, nowMs: number): Verdict {
  const silentMs = nowMs - (task.heartbeatMs ?? 0);
  if (silentMs < SILENT_MS) return { fate: 'unclear' };
  const minutes = Math.floor(silentMs / 60_000);
  const why = element?.reason === undefined ? '' : ` (${element.reason})`;
  return {
    fate: 'gone',
    cause: 'lost',
    detail: `the batch system does not know its element${why} and it has been silent for ${minutes} min`,
    died: true,
  };
}

/** `OUT_OF_MEMORY on n3, signal 9`. */
export function describe(element: ElementState): string {
  const where = element.node === undefined ? '' : ` on ${element.node}`;
  const how =
    element.signal !== undefined && element.signal > 0
      ? `, signal ${element.signal}`
      : element.exitCode !== undefined && element.exitCode > 0
        ? `, exit ${element.exitCode}`
        : '';
  return `${element.rawState}${where}${how}`;
}
