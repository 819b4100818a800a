/**
 * What became of the owner of a RUNNING task; pure. The evidence is the batch system's word about the owner's array element and, where it
 * has none, the owner's heartbeat. Nothing is concluded from absence alone: accounting lags and may be disabled.
 */
import type { Cause } from '../domain/causes.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { ElementState } from '../ports/batch-system.ts';

/** A heartbeat is due every 30 s; an owner nobody knows and that is silent this long is given up. */
export const SILENT_MS = 5 * 60_000;

const ENDED_WELL = 'its process ended with exit code 0 in the middle of the task; did the handler call process.exit?';

export type Verdict =
  | { readonly fate: 'alive' }
  /** No evidence either way yet: look again. */
  | { readonly fate: 'unclear' }
  | { readonly fate: 'gone'; readonly cause: Cause; readonly detail: string };

/** @param element the state of the owner's array element; undefined when no submission of this job has such an element */
export function judgeRunning(
  task: Pick<TaskItem, 'owner' | 'heartbeatMs'>,
  element: ElementState | undefined,
  nowMs: number,
): Verdict {
  if (element === undefined || element.phase === 'unknown') return judgeSilence(task, element, nowMs);
  const ownRestarts = Number(task.owner?.slice(task.owner.lastIndexOf('.') + 1) ?? 0);
  const restarted = element.restarts !== undefined && element.restarts > ownRestarts;
  if (element.phase === 'ended') {
    if (element.cause === null && restarted)
      return { fate: 'gone', cause: 'requeued', detail: `${describe(element)} after ${element.restarts} restarts` };
    if (element.cause === null) return { fate: 'gone', cause: 'worker-error', detail: ENDED_WELL };
    return { fate: 'gone', cause: element.cause, detail: describe(element) };
  }
  // A requeued element waits or runs under a higher restart count: the attempt that owns the task is over.
  if (element.phase === 'waiting' && restarted) return { fate: 'gone', cause: 'requeued', detail: describe(element) };
  return { fate: 'alive' };
}

/** A worker that was told to stop ends within this; an element that is still there is then judged without the batch system's word. */
export const ENDING_MS = 60_000;

/**
 * What made a worker hand its task back. A worker that got SIGTERM cannot know whether that was preemption, an operator or the user; the batch
 * system can, once the element has ended.
 */
export function judgeReleased(
  task: Pick<TaskItem, 'owner' | 'heartbeatMs' | 'cause' | 'causeDetail'>,
  element: ElementState | undefined,
  nowMs: number,
): Verdict {
  const own = { fate: 'gone', cause: task.cause ?? 'unknown', detail: task.causeDetail ?? '' } as const;
  if (own.cause !== 'preempted' || element === undefined) return own;
  if (element.phase === 'running' && nowMs - (task.heartbeatMs ?? 0) < ENDING_MS) return { fate: 'unclear' };
  if (element.phase !== 'ended' || element.cause === null || element.cause === own.cause) return own;
  return { fate: 'gone', cause: element.cause, detail: `${describe(element)}; ${own.detail}` };
}

function judgeSilence(task: Pick<TaskItem, 'heartbeatMs'>, element: ElementState | undefined, nowMs: number): Verdict {
  const silentMs = nowMs - (task.heartbeatMs ?? 0);
  if (silentMs < SILENT_MS) return { fate: 'unclear' };
  const minutes = Math.floor(silentMs / 60_000);
  const why = element?.reason === undefined ? '' : ` (${element.reason})`;
  return {
    fate: 'gone',
    cause: 'lost',
    detail: `the batch system does not know its element${why} and it has been silent for ${minutes} min`,
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
