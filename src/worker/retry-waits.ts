import type { Clock } from '../ports/clock.ts';
import { DEFER_MS } from './deferral.ts';
import type { Waiting } from './work-queue.ts';

/** The lanes that wait for a retry to become due. When every lane does, and every wait is long, they give up: a later attempt does the rest. */
export interface RetryWaits {
  /** So many lanes begin. */
  begin(lanes: number): void;
  /** Waits until the work is due; false when the wait was given up. */
  over(work: Waiting): Promise<boolean>;
  /** A lane is done. */
  leave(): void;
  /** Every wait is given up. */
  end(): void;
  /** Work whose wait was given up. */
  given(): readonly Waiting[];
}

/** @param queuedDueMs when the first retry is due that no lane waits for; null: waits are never given up for being long */
export function createRetryWaits(clock: Clock, queuedDueMs: (() => number) | null): RetryWaits {
  const held = new Set<Waiting>();
  const over = new AbortController();
  let busy = 0;
  const consider = (): void => {
    if (busy > 0 || held.size === 0 || queuedDueMs === null) return;
    const firstMs = Array.from(held, ({ dueMs }) => dueMs).reduce((a, b) => Math.min(a, b), queuedDueMs());
    if (firstMs - clock.monotonicMs() > DEFER_MS) over.abort(GIVEN_UP);
  };
  return {
    begin(lanes) {
      busy = lanes;
    },
    async over(work) {
      held.add(work);
      busy -= 1;
      consider();
      const slept = await clock.sleep(work.dueMs - clock.monotonicMs(), over.signal).then(
        () => true,
        () => false,
      );
      busy += 1;
      if (slept) held.delete(work);
      return slept;
    },
    leave() {
      busy -= 1;
      consider();
    },
    end: () => over.abort(GIVEN_UP),
    given: () => [...held],
  };
}

const GIVEN_UP = new Error('the wait was given up');
