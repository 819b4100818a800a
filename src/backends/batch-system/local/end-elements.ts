import { constants } from 'node:os';
import type { EndEvent, KillReason } from './events.ts';
import { signalQuietly } from './processes.ts';
import { record, type LiveSubmission, type RunningElement, type Supervision } from './supervision.ts';

/** Between SIGTERM and SIGKILL. */
export const GRACE_MS = 5_000;
/** Times an element is started again after its supervisor died. */
export const MOST_NODE_FAILURES = 3;

/** Asks a running element to end; SIGKILL follows after the grace. The first reason stays. */
export function beginKill(supervision: Supervision, element: RunningElement, why: KillReason): void {
  if (element.why !== null) return;
  element.why = why;
  element.killAtMs = supervision.clock.monotonicMs() + GRACE_MS;
  element.warnAtMs = Infinity;
  record(element.submission, { e: 'kill', t: supervision.clock.nowMs(), i: element.index, why });
  signalQuietly(-element.pid, 'SIGTERM');
}

/** Warns, ends and kills what is due. */
export function enforceDeadlines(supervision: Supervision): void {
  const nowMs = supervision.clock.monotonicMs();
  for (const element of supervision.running) {
    if (nowMs >= element.killAtMs) {
      element.killAtMs = nowMs + GRACE_MS;
      signalQuietly(-element.pid, 'SIGKILL');
    } else if (nowMs >= element.endAtMs) beginKill(supervision, element, 'limit');
    else if (nowMs >= element.warnAtMs) {
      element.warnAtMs = Infinity;
      signalQuietly(element.pid, 'SIGUSR2');
    }
  }
}

/** Monotonic moment of the next deadline; Infinity when there is none. */
export function nextDeadlineMs(supervision: Supervision): number {
  let next = Infinity;
  for (const { warnAtMs, endAtMs, killAtMs, why } of supervision.running) {
    next = Math.min(next, warnAtMs, killAtMs, why === null ? endAtMs : Infinity);
  }
  return next;
}

export function elementExited(
  supervision: Supervision,
  element: RunningElement,
  code: number | null,
  signal: NodeJS.Signals | null,
): void {
  supervision.running.delete(element);
  // Children left behind end with their element, as under Slurm.
  signalQuietly(-element.pid, 'SIGKILL');
  const { submission, index, why } = element;
  const exit = {
    ...(code === null ? {} : { exit: code }),
    ...(signal === null ? {} : { signal: constants.signals[signal] }),
  };
  endAs(supervision, submission, { index, why, exit });
}

interface Ending {
  readonly index: number;
  readonly why: KillReason | null;
  readonly exit: Pick<EndEvent, 'exit' | 'signal'>;
}

function endAs(supervision: Supervision, submission: LiveSubmission, { index, why, exit }: Ending): void {
  switch (why) {
    case 'cancel':
      return endElement(supervision, submission, index, { how: 'CANCELLED', ...exit });
    case 'limit':
      return endElement(supervision, submission, index, { how: 'TIMEOUT', ...exit });
    case 'requeue':
      return requeueElement(supervision, submission, index, 'Requeued');
    case 'shutdown':
      return nodeFailed(supervision, submission, index);
    case null:
      return endElement(supervision, submission, index, { how: exit.exit === 0 ? 'COMPLETED' : 'FAILED', ...exit });
  }
}

/** What becomes of an element that a dead supervisor left behind, after its processes are gone. */
export function endLeftover(supervision: Supervision, submission: LiveSubmission, index: number): void {
  const { killing } = submission.table.get(index);
  endAs(supervision, submission, { index, why: killing ?? 'shutdown', exit: {} });
}

/** As after the failure of a node: again when the submission allows it and it has not happened too often, else the end. */
function nodeFailed(supervision: Supervision, submission: LiveSubmission, index: number): void {
  const { restarts } = submission.table.get(index);
  if (submission.request.requeue && restarts < MOST_NODE_FAILURES) {
    requeueElement(supervision, submission, index, 'NodeFail');
  } else {
    const note = 'the local supervisor of the element ended before it';
    endElement(supervision, submission, index, { how: 'NODE_FAIL', note });
  }
}

function requeueElement(supervision: Supervision, submission: LiveSubmission, index: number, why: string): void {
  record(submission, { e: 'requeue', t: supervision.clock.nowMs(), i: index, why });
  supervision.wake(false);
}

export function endElement(
  supervision: Supervision,
  submission: LiveSubmission,
  index: number,
  end: Omit<EndEvent, 'e' | 't' | 'i' | 'to'>,
): void {
  record(submission, { e: 'end', t: supervision.clock.nowMs(), i: index, ...end });
  supervision.wake(false);
}
