/**
 * Which tries only wait for slots and turns. An element that ends over nothing but such tries says nothing of the time its items need, however long it
 * was there.
 */
import type { Clock } from '../ports/clock.ts';

export interface TryWatch {
  begin(): WatchedTry;
  /** True while there are tries and each of them waits; those whose item waits for another try do not count. */
  onlyWaits(): boolean;
}

/** One try: before its handler is called it waits. */
export interface WatchedTry {
  /** The handler is called. */
  runs(): void;
  /** The handler waits for this. */
  over<T>(wait: Promise<T>): Promise<T>;
  end(): void;
}

interface State {
  /** Monotonic ms; null: not yet. */
  runsSinceMs: number | null;
  waits: number;
  /** When it began to wait, or had the last of what it waits for: monotonic ms. */
  idleSinceMs: number;
}

const NO_TRY: WatchedTry = { runs() {}, over: (wait) => wait, end() {} };

/** For work that has nothing to wait for: this costs more than a trivial item. */
export const NO_WATCH: TryWatch = { begin: () => NO_TRY, onlyWaits: () => false };

export function createTryWatch({ monotonicMs }: Pick<Clock, 'monotonicMs'>): TryWatch {
  const tries = new Set<State>();
  return {
    begin() {
      const state: State = { runsSinceMs: null, waits: 0, idleSinceMs: monotonicMs() };
      tries.add(state);
      return {
        runs() {
          state.runsSinceMs = monotonicMs();
        },
        over(wait) {
          if (state.waits === 0) state.idleSinceMs = monotonicMs();
          state.waits += 1;
          return wait.finally(() => {
            state.waits -= 1;
            state.idleSinceMs = monotonicMs();
          });
        },
        end: () => void tries.delete(state),
      };
    },
    onlyWaits() {
      const nowMs = monotonicMs();
      return tries.size > 0 && [...tries].every((state) => isIdle(state, nowMs));
    },
  };
}

/** A handler that waits a little every now and then works: without more time it would never come to its end. */
function isIdle({ runsSinceMs, waits, idleSinceMs }: State, nowMs: number): boolean {
  return runsSinceMs === null || (waits > 0 && 2 * (nowMs - idleSinceMs) >= nowMs - runsSinceMs);
}
