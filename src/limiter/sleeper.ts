import type { Clock } from '../ports/clock.ts';

/** Sleeps of one loop, which whoever changes something ends early. */
export interface Sleeper {
  /** Resolves after `ms`, or when woken; null: only then. */
  sleep(ms: number | null): Promise<void>;
  wake(): void;
}

/** One for all: an error of its own for each would cost more than the sleep. */
const WOKEN = new Error('woken');

export function createSleeper(clock: Pick<Clock, 'sleep'>): Sleeper {
  let wakeUp: (() => void) | null = null;
  return {
    sleep: (ms) =>
      new Promise((resolve, reject) => {
        const ended = new AbortController();
        const end = (): void => {
          wakeUp = null;
          resolve();
        };
        wakeUp = () => {
          ended.abort(WOKEN);
          end();
        };
        if (ms === null) return;
        // Whole milliseconds, as timers have them: less may not move a clock at all, and whoever sleeps again for the rest would never wake.
        clock.sleep(Math.ceil(ms), ended.signal).then(end, (error: unknown) => {
          if (!ended.signal.aborted) reject(error as Error);
        });
      }),
    wake: () => wakeUp?.(),
  };
}
