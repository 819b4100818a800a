import type { Clock } from '../../src/ports/clock.ts';

interface Waiter {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

export interface ManualClock extends Clock {
  /**
   * Moves time on, firing sleepers and timers in the order they are due; after each one, everything that only waits for microtasks or
   * the current I/O turn runs before the next one fires.
   */
  advance(ms: number): Promise<void>;
  /** Advances to the next sleeper or timer; false when there is none. */
  advanceToNext(): Promise<boolean>;
  /** Sleepers and timers that have not fired. */
  pending(): number;
}

/** Time that only the test moves. Starts at `startMs` (epoch milliseconds). */
export function createManualClock(startMs = 1_700_000_000_000): ManualClock {
  let nowMs = startMs;
  let counter = 0;
  const waiters = new Set<Waiter>();

  const add = (ms: number, fire: () => void): (() => void) => {
    const waiter: Waiter = { dueMs: nowMs + Math.max(0, ms), order: (counter += 1), fire };
    waiters.add(waiter);
    return () => waiters.delete(waiter);
  };
  const first = (): Waiter | undefined => [...waiters].toSorted((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
  const advanceTo = async (targetMs: number): Promise<void> => {
    await settle();
    for (let next = first(); next !== undefined && next.dueMs <= targetMs; next = first()) {
      waiters.delete(next);
      nowMs = Math.max(nowMs, next.dueMs);
      next.fire();
      await settle();
    }
    nowMs = Math.max(nowMs, targetMs);
  };

  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        const cancel = add(ms, resolve);
        signal?.addEventListener('abort', () => {
          cancel();
          reject(signal.reason as Error);
        });
      });
    },
    after: (ms, fn) => add(ms, fn),
    every(ms, fn) {
      let cancelNext = (): void => {};
      const schedule = (): void => {
        cancelNext = add(ms, () => {
          schedule();
          fn();
        });
      };
      schedule();
      return () => cancelNext();
    },
    advance: (ms) => advanceTo(nowMs + ms),
    async advanceToNext() {
      await settle();
      const next = first();
      if (next === undefined) return false;
      await advanceTo(next.dueMs);
      return true;
    },
    pending: () => waiters.size,
  };
}

/** Lets promise chains and finished I/O callbacks run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
