import { rmSync } from 'node:fs';
import { readControls, type ControlRequest } from './control.ts';
import { beginKill } from './end-elements.ts';
import { signalQuietly } from './processes.ts';
import { record, type LiveSubmission, type Supervision } from './supervision.ts';

/** Applies what clients ask. A request's file is removed once its effect is in the journal; applying one twice changes nothing. */
export function applyControls(supervision: Supervision): void {
  for (const { path, request } of readControls(supervision.layout)) {
    const submission = supervision.live.get(request.number);
    if (submission !== undefined) {
      apply(supervision, submission, request);
      if (!submission.journal.flush()) continue;
    }
    rmSync(path, { force: true });
  }
}

function apply(supervision: Supervision, submission: LiveSubmission, request: ControlRequest): void {
  switch (request.op) {
    case 'cancel':
      return cancel(supervision, submission, request.indices);
    case 'hold':
    case 'release':
      record(submission, { e: 'hold', on: request.op === 'hold' });
      return;
    case 'drain':
      for (const element of runningOf(supervision, submission, undefined)) signalQuietly(element.pid, 'SIGTERM');
      return;
    case 'throttle':
      record(submission, { e: 'throttle', most: request.most });
      return;
    case 'requeue':
      for (const element of runningOf(supervision, submission, [request.index]))
        beginKill(supervision, element, 'requeue');
  }
}

function cancel(supervision: Supervision, submission: LiveSubmission, indices: readonly number[] | undefined): void {
  const t = supervision.clock.nowMs();
  for (const [i, to] of submission.table.waitingRanges(indices))
    record(submission, { e: 'end', t, i, to, how: 'CANCELLED' });
  for (const element of runningOf(supervision, submission, indices)) {
    // Whatever it was being ended for, it must not start again.
    if (element.why === 'requeue' || element.why === 'shutdown') {
      element.why = 'cancel';
      record(submission, { e: 'kill', t, i: element.index, why: 'cancel' });
    } else beginKill(supervision, element, 'cancel');
  }
}

function runningOf(supervision: Supervision, submission: LiveSubmission, indices: readonly number[] | undefined) {
  const wanted = indices === undefined ? null : new Set(indices);
  return [...supervision.running].filter(
    (element) => element.submission === submission && (wanted?.has(element.index) ?? true),
  );
}
