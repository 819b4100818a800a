import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elementEnvironment } from './element-environment.ts';
import { elementExited, endElement } from './end-elements.ts';
import { messageOf } from '../../../errors/app-error.ts';
import { hostLayout, isHostSegment, parseSubmissionId } from './layout.ts';
import { childProcessName } from './processes.ts';
import {
  freeSlots,
  record,
  slotsOf,
  type LiveSubmission,
  type RunningElement,
  type Supervision,
} from './supervision.ts';

/** Starts what is due, first submitted first; a wide element that does not fit yet is not overtaken. */
export function startDue(supervision: Supervision): void {
  if (supervision.stopping) return;
  for (const submission of supervision.live.values()) {
    if (!mayStart(supervision, submission)) continue;
    const slots = slotsOf(submission.request, supervision.slots);
    while (submission.table.running.size < submission.table.throttle) {
      const index = submission.table.nextWaiting();
      if (index === null) break;
      if (freeSlots(supervision) < slots) return;
      // Without a journal a start could happen twice; the next pass tries again.
      if (!submission.journal.flush()) break;
      startElement(supervision, submission, index);
    }
  }
}

export function mayStart(supervision: Supervision, submission: LiveSubmission): boolean {
  if (submission.table.held || supervision.clock.nowMs() < submission.request.beginMs) return false;
  submission.dependenciesEnded ||= submission.request.after.every((handle) =>
    hasEnded(supervision, handle.id, handle.cluster),
  );
  return submission.dependenciesEnded;
}

/** Nobody remembers an unknown submission, so that it cannot be running either. */
function hasEnded(supervision: Supervision, id: string, cluster: string | undefined): boolean {
  const parsed = parseSubmissionId(id);
  if (parsed === null) return true;
  if (parsed.token === supervision.token) return !supervision.live.has(parsed.number);
  if (cluster === undefined || !isHostSegment(cluster)) return true;
  const view = supervision.reader.read(hostLayout(supervision.root, cluster), parsed.number);
  return view === null || view.final || view.table.ended;
}

function startElement(supervision: Supervision, submission: LiveSubmission, index: number): void {
  const { request, table } = submission;
  const { restarts } = table.get(index);
  const nowMs = supervision.clock.nowMs();
  record(submission, { e: 'start', t: nowMs, i: index, restart: restarts });
  const environment = elementEnvironment(submission, {
    index,
    restarts,
    hostname: supervision.host.hostname,
    cpus: slotsOf(request, supervision.slots),
    nowMs,
  });
  let logFd: number;
  try {
    logFd = openSync(join(request.logDir, `${submission.id}_${index}.out`), 'a');
  } catch (error) {
    const note = `its log cannot be opened: ${messageOf(error)}`;
    endElement(supervision, submission, index, { how: 'BOOT_FAIL', note });
    return;
  }
  try {
    // Like sbatch, which falls back to /tmp; the script itself says when it cannot enter its directory.
    const cwd = existsSync(request.cwd) ? request.cwd : tmpdir();
    // Its own session, so that signals reach the element with all its children, and nobody else.
    const child = spawn('/bin/bash', [submission.files.script], {
      cwd,
      env: environment,
      detached: true,
      stdio: ['ignore', logFd, logFd],
    });
    watch(supervision, { submission, index, child });
  } finally {
    closeSync(logFd);
  }
}

function watch(supervision: Supervision, started: Pick<RunningElement, 'submission' | 'index' | 'child'>): void {
  const { submission, index, child } = started;
  const { pid } = child;
  if (pid === undefined) {
    child.once('error', (error) =>
      endElement(supervision, submission, index, { how: 'BOOT_FAIL', note: messageOf(error) }),
    );
    return;
  }
  record(submission, { e: 'pid', i: index, pid, process: childProcessName(supervision.host, pid) });
  const { timeMs, warnBeforeEndSec } = submission.request;
  const nowMs = supervision.clock.monotonicMs();
  const warnAfterMs = timeMs - warnBeforeEndSec * 1_000;
  const element: RunningElement = {
    ...started,
    pid,
    slots: slotsOf(submission.request, supervision.slots),
    endAtMs: nowMs + timeMs,
    // A warning at the very start would kill a shell that has not become the worker yet.
    warnAtMs: warnAfterMs > 0 ? nowMs + warnAfterMs : Infinity,
    killAtMs: Infinity,
    why: null,
  };
  supervision.running.add(element);
  child.once('exit', (code, signal) => elementExited(supervision, element, code, signal));
  child.on('error', (error) => supervision.log(`${submission.id}_${index}: ${messageOf(error)}`));
}
