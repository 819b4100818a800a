import { existsSync, utimesSync, watch, type FSWatcher } from 'node:fs';
import type { Clock } from '../../../ports/clock.ts';
import type { Host } from '../../../ports/host.ts';
import type { Ids } from '../../../ports/random.ts';
import { applyControls } from './apply-controls.ts';
import { readControls } from './control.ts';
import { beginKill, enforceDeadlines, nextDeadlineMs } from './end-elements.ts';
import { finishEnded } from './finish-submissions.ts';
import { hostLayout, hostSegment } from './layout.ts';
import { loadSubmissions } from './load-submissions.ts';
import { lockPath, releaseLock, removeLitter, SIGN_OF_LIFE_EVERY_MS, takeLock } from './lock.ts';
import { signalQuietly } from './processes.ts';
import { createSubmissionReader } from './read-submission.ts';
import { startDue } from './start-elements.ts';
import { listNumbers, prepareHost, removeStaleStaging } from './store-submission.ts';
import type { Supervision } from './supervision.ts';
import { takeOver } from './take-over.ts';
import { createWaker, type Waker } from './waker.ts';

/**
 * Runs the submissions of one host: starts elements while slots are free, keeps their time limits, applies what clients ask, writes
 * everything down. One supervises at a time; it ends when nothing can happen without somebody asking for it first.
 * It never decides what a failed element means: that is the retry planner's, after reading the states.
 */
export interface SupervisorOptions {
  readonly root: string;
  readonly slots: number;
  /** Ends after this long with nothing to do. */
  readonly idleMs: number;
  readonly clock: Clock;
  readonly host: Host;
  readonly ids: Ids;
  readonly log: (text: string) => void;
  /** Aborted by SIGTERM: ends all elements as a failing node would, then itself. */
  readonly signal: AbortSignal;
}

export type SupervisorEnd = 'another one supervises' | 'nothing to do' | 'displaced' | 'told to stop';

/** Directories are looked at this often even when the file system reports nothing. */
const POLL_MS = 1_000;
const POLL_UNWATCHED_MS = 200;

export async function runSupervisor(options: SupervisorOptions): Promise<SupervisorEnd> {
  for (;;) {
    const end = await serveTerm(options);
    if (end !== 'somebody came late') return end;
  }
}

/** From taking the lock to giving it up. */
async function serveTerm(options: SupervisorOptions): Promise<SupervisorEnd | 'somebody came late'> {
  const layout = hostLayout(options.root, hostSegment(options.host.hostname));
  const token = prepareHost(layout, () => options.ids.token(5));
  const generation = takeLock(layout, options, options.slots, options.ids.token(8));
  if (generation === null) return 'another one supervises';
  options.log(`supervising with ${options.slots} slots as ${options.host.processName}, generation ${generation}`);
  removeLitter(layout);
  removeStaleStaging(layout, options.clock.nowMs());

  const waker = createWaker(options.clock);
  const pass: Pass = { scanDue: true, pollAtMs: 0, signAtMs: 0, idleSinceMs: null };
  const wake = (scan: boolean): void => {
    pass.scanDue ||= scan;
    waker.notify();
  };
  const supervision: Supervision = {
    layout,
    token,
    wake,
    root: options.root,
    clock: options.clock,
    host: options.host,
    ids: options.ids,
    slots: options.slots,
    log: options.log,
    reader: createSubmissionReader(),
    live: new Map(),
    seen: new Set(),
    troubled: new Set(),
    running: new Set(),
    stopping: false,
  };
  const watchers = watchAll([layout.jobs, layout.control], () => wake(true));
  const onAbort = (): void => wake(false);
  options.signal.addEventListener('abort', onAbort);
  try {
    loadSubmissions(supervision);
    await takeOver(supervision);
    return await superviseUntilDone({ supervision, waker, pass, options, generation, watched: watchers !== null });
  } finally {
    options.signal.removeEventListener('abort', onAbort);
    for (const watcher of watchers ?? []) watcher.close();
    for (const { journal } of supervision.live.values()) journal.close();
  }
}

/** What one pass of the loop leaves for the next. Moments are monotonic milliseconds. */
interface Pass {
  scanDue: boolean;
  pollAtMs: number;
  signAtMs: number;
  idleSinceMs: number | null;
}

interface Term {
  readonly supervision: Supervision;
  readonly waker: Waker;
  readonly pass: Pass;
  readonly options: SupervisorOptions;
  readonly generation: number;
  readonly watched: boolean;
}

async function superviseUntilDone(term: Term): Promise<SupervisorEnd | 'somebody came late'> {
  const { supervision, pass, options } = term;
  for (;;) {
    const nowMs = options.clock.monotonicMs();
    if (pass.scanDue || nowMs >= pass.pollAtMs) {
      pass.scanDue = false;
      pass.pollAtMs = nowMs + (term.watched ? POLL_MS : POLL_UNWATCHED_MS);
      if (!lookAround(term, nowMs)) return 'displaced';
    }
    if (options.signal.aborted) stopEverything(supervision);
    enforceDeadlines(supervision);
    finishEnded(supervision);
    startDue(supervision);
    if (supervision.stopping && supervision.running.size === 0) {
      stepDown(term);
      return 'told to stop';
    }
    const leave = isIdle(supervision) ? leaveWhenIdle(term, nowMs) : stayBusy(pass);
    if (leave !== null) return leave;
    const idleAtMs = (pass.idleSinceMs ?? Infinity) + options.idleMs;
    const untilMs = Math.min(pass.pollAtMs, nextDeadlineMs(supervision), idleAtMs);
    await term.waker.wait(Math.max(0, untilMs - options.clock.monotonicMs()));
  }
}

/** New submissions, requests, a sign of life. False when the lock is gone: somebody removed the directory or took over. */
function lookAround(term: Term, nowMs: number): boolean {
  const { supervision, pass, generation } = term;
  const lock = lockPath(supervision.layout, generation);
  if (!existsSync(lock)) {
    supervision.log('the lock is gone; ending everything');
    for (const { pid } of supervision.running) signalQuietly(-pid, 'SIGKILL');
    return false;
  }
  if (nowMs >= pass.signAtMs) {
    pass.signAtMs = nowMs + SIGN_OF_LIFE_EVERY_MS;
    const now = new Date(supervision.clock.nowMs());
    utimesSync(lock, now, now);
  }
  loadSubmissions(supervision);
  applyControls(supervision);
  return true;
}

function stopEverything(supervision: Supervision): void {
  supervision.stopping = true;
  for (const element of supervision.running) beginKill(supervision, element, 'shutdown');
}

/** Held submissions wait for a request, and whoever asks sees to it that somebody supervises. */
const isIdle = ({ running, live }: Supervision): boolean =>
  running.size === 0 && [...live.values()].every(({ table }) => table.held);

function stayBusy(pass: Pass): null {
  pass.idleSinceMs = null;
  return null;
}

function leaveWhenIdle(term: Term, nowMs: number): 'nothing to do' | 'somebody came late' | null {
  const { pass, supervision } = term;
  pass.idleSinceMs ??= nowMs;
  if (nowMs - pass.idleSinceMs < term.options.idleMs) return null;
  stepDown(term);
  // Who submits after this sees that nobody supervises; who submitted before is seen here.
  const late =
    listNumbers(supervision.layout.jobs).some((number) => !supervision.seen.has(number)) ||
    readControls(supervision.layout).length > 0;
  return late ? 'somebody came late' : 'nothing to do';
}

function stepDown({ supervision, generation, options }: Term): void {
  releaseLock(supervision.layout, generation, options.slots, options.ids.token(8));
}

/** Null when the system will not watch (its number of watches is limited). */
function watchAll(dirs: readonly string[], changed: () => void): FSWatcher[] | null {
  const watchers: FSWatcher[] = [];
  try {
    for (const dir of dirs) watchers.push(watch(dir, changed).on('error', () => {}));
    return watchers;
  } catch {
    for (const watcher of watchers) watcher.close();
    return null;
  }
}
