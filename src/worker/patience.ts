import { isAppError } from '../errors/app-error.ts';
import type { ElementContext } from './needs.ts';

/** Longest an operation is repeated while the outside is unwell; and when the worker has been told to stop. */
const PATIENCE_MS = 120_000;
const DRAINING_PATIENCE_MS = 10_000;
/** Of the time limit, kept for what comes after. */
const RESERVE_MS = 5_000;
const PAUSES = { baseMs: 200, maxMs: 5_000 };

/** Sleeps before the next try; false when it is no longer worth trying. `sinceMs`: epoch ms of the first try. */
export async function pauseBefore({ deps, input }: ElementContext, tries: number, sinceMs: number): Promise<boolean> {
  const { clock, random, backoffMs, stop } = deps;
  const longestMs = sinceMs + (stop.aborted ? DRAINING_PATIENCE_MS : PATIENCE_MS);
  const untilMs = input.endsAtMs === null ? longestMs : Math.min(longestMs, input.endsAtMs - RESERVE_MS);
  const pauseMs = backoffMs(tries, PAUSES, random.next());
  if (clock.nowMs() + pauseMs > untilMs) return false;
  await clock.sleep(pauseMs);
  return true;
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
