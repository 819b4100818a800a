import { AppError, isAppError } from '../errors/app-error.ts';
import type { ElementContext, WriteContext } from './needs.ts';

/** Longest an operation is repeated while the outside is unwell; and when the worker has been told to stop. */
const PATIENCE_MS = 120_000;
const DRAINING_PATIENCE_MS = 10_000;
/** Of the time limit, kept for what comes after. */
const RESERVE_MS = 5_000;

/** For work that is done: all that is left is to report it, and to keep it somewhere else costs others their time. */
const REPORTING_PATIENCE_MS = 10 * 60_000;
/** Of the time limit, kept for that. */
const KEEPING_RESERVE_MS = 20_000;
const PAUSES = { baseMs: 200, maxMs: 5_000 };

/** Sleeps before the next try; false when it is no longer worth trying. `sinceMs`: epoch ms of the first try. */
export async function pauseBefore(context: WriteContext, tries: number, sinceMs: number): Promise<boolean> {
  const { deps, input, reportingSinceMs } = context;
  const { clock, random, backoffMs, stop } = deps;
  const patienceMs = reportingSinceMs === undefined ? PATIENCE_MS : REPORTING_PATIENCE_MS;
  const longestMs = (reportingSinceMs ?? sinceMs) + (stop.aborted ? DRAINING_PATIENCE_MS : patienceMs);
  const reserveMs = reportingSinceMs === undefined ? RESERVE_MS : KEEPING_RESERVE_MS;
  const untilMs = input.endsAtMs === null ? longestMs : Math.min(longestMs, input.endsAtMs - reserveMs);
  const pauseMs = backoffMs(tries, PAUSES, random.next());
  if (clock.nowMs() + pauseMs > untilMs) return false;
  await clock.sleep(pauseMs);
  return true;
}

/**
 * Reports work that is done, within the patience for that, all calls together. Calls that hang are not waited for: shortly before the time limit,
 * and ten seconds after the signal to stop, the work has to be somewhere else. @throws STORE_UNAVAILABLE when that time has come
 */
export async function whileThereIsTime<T>(
  context: ElementContext,
  report: (patient: ElementContext) => Promise<T>,
): Promise<T> {
  const { clock, stop } = context.deps;
  const sinceMs = clock.nowMs();
  const leftMs = (context.input.endsAtMs ?? Number.POSITIVE_INFINITY) - sinceMs;
  const usableMs = Math.max(leftMs - KEEPING_RESERVE_MS, leftMs / 2);
  const cancels: (() => void)[] = [];
  const timeIsUp = new Promise<never>((_resolve, reject) => {
    const giveUp = (): void =>
      reject(new AppError('STORE_UNAVAILABLE', { message: 'store and state did not answer while there was time' }));
    const drain = (): void => void cancels.push(clock.after(DRAINING_PATIENCE_MS, giveUp));
    cancels.push(clock.after(Math.min(usableMs, REPORTING_PATIENCE_MS), giveUp));
    if (stop.aborted) drain();
    else {
      stop.addEventListener('abort', drain, { once: true });
      cancels.push(() => stop.removeEventListener('abort', drain));
    }
  });
  try {
    return await Promise.race([report({ ...context, reportingSinceMs: sinceMs }), timeIsUp]);
  } finally {
    for (const cancel of cancels) cancel();
  }
}

/** A full disk stays full: repeating would only hold the element. */
export const isTransient = (error: unknown): boolean =>
  isAppError(error) && error.retryable && error.code !== 'STORE_FULL' && error.code !== 'SCRATCH_FULL';

/** Repeats an operation that is safe to repeat while it fails transiently; then throws its last error. */
export async function patiently<T>(context: ElementContext, operation: () => Promise<T>): Promise<T> {
  const sinceMs = context.deps.clock.nowMs();
  for (let tries = 1; ; tries += 1) {
    try {
      return await operation();
    } catch (error) {
      if (!isTransient(error) || !(await pauseBefore(context, tries, sinceMs))) throw error;
    }
  }
}
