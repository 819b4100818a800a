import { attemptLogKey, logChunkKey } from '../domain/keys.ts';
import { isAppError } from '../errors/app-error.ts';
import type { AttemptLog } from './attempt-log.ts';
import type { ElementContext } from './needs.ts';
import type { ClaimedTask } from './task-writes.ts';

/**
 * Brings the log of an attempt to the store: new lines with each checkpoint, everything at the end. A log that cannot be stored is said once and costs
 * the work nothing but the wait.
 */
export interface LogShipper {
  /** Stores what is new since the last call. */
  ship(): Promise<void>;
  /** Stores the whole log of an attempt that ends without a commit. */
  storeWhole(): Promise<void>;
  /** Removes the parts: the whole log is stored. Failing to is only untidy. */
  removeParts(): Promise<void>;
}

/** Longest that one of these may hold up the worker. */
const PATIENCE_MS = 5_000;
const PART_BYTES = 1024 ** 2;

export function createLogShipper(
  { deps, input, attempt }: ElementContext,
  { task }: ClaimedTask,
  attemptLog: AttemptLog,
): LogShipper {
  const { store, clock, log } = deps;
  const { job } = input.assignment;
  let parts = 0;
  let line = 0;
  let isSaid = false;
  /** A part whose upload failed may still arrive: what is sent again under its number must be the same bytes. */
  let begun: { readonly text: string; readonly next: number } | null = null;

  const trying = async (store: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const stop = new AbortController();
    const cancel = clock.after(PATIENCE_MS, () => stop.abort(new Error('it took too long')));
    try {
      await store(stop.signal);
    } catch (error) {
      if (!isAppError(error) && !stop.signal.aborted) throw error;
      if (!isSaid) log.warn('the log of a task is not stored', { task, error: String(error) });
      isSaid = true;
    } finally {
      cancel();
    }
  };
  const removeParts = async (): Promise<void> => {
    const keys = Array.from({ length: parts }, (_, at) => logChunkKey(job, task, attempt, at + 1));
    if (keys.length > 0) await trying((signal) => unlessAborted(store.delete(keys), signal));
    parts = 0;
  };
  return {
    ship: () =>
      trying(async (signal) => {
        for (;;) {
          begun ??= attemptLog.linesFrom(line, PART_BYTES);
          if (begun === null) return;
          await store.put(logChunkKey(job, task, attempt, parts + 1), begun.text, signal);
          parts += 1;
          line = begun.next;
          begun = null;
        }
      }),
    async storeWhole() {
      const text = attemptLog.text();
      if (text === null) return;
      let isStored = false;
      await trying(async (signal) => {
        await store.put(attemptLogKey(job, task, attempt), text, signal);
        isStored = true;
      });
      if (isStored) await removeParts();
    },
    removeParts,
  };
}

/** For what takes no signal: it may still come to its end, but nobody waits for it. */
const unlessAborted = (work: Promise<void>, signal: AbortSignal): Promise<void> =>
  Promise.race([
    work,
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    }),
  ]);
