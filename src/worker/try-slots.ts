import type { HandlerResult } from '../ports/handler-host.ts';
import type { Clock } from '../ports/clock.ts';

/** How one try at an item ended; `dropped`: the worker drains, and nothing is known about the item. */
export type TryResult = HandlerResult | 'dropped';

/**
 * The tries in flight, at most one a lane, with one timer for all of them: they share one timeout, so a timer set for the oldest is never late
 * for the others.
 */
export interface TrySlots {
  /**
   * Runs one try. `start` gets the signal that is aborted at the timeout or the end of the drain, as a function: a signal costs more than a
   * trivial item, and most handlers never look at it.
   */
  run(lane: number, start: (signal: () => AbortSignal) => Promise<HandlerResult>): Promise<TryResult>;
  /** Aborts every try in flight; those that do not end within the grace are dropped. */
  abortAll(reason: string): void;
  close(): void;
}

/** How long a try may take to react to its aborted signal. */
export const ABORT_GRACE_MS = 5_000;
const DROP_GRACE_MS = 1_000;

interface Slot {
  /** Null until somebody asks for the signal. */
  controller: AbortController | null;
  /** Why the signal is aborted; null while it is not. */
  aborted: Error | null;
  state: 'running' | 'timed-out' | 'dropped';
  /** Monotonic ms at which the timer has to look at this slot next. */
  dueMs: number;
  readonly settle: (result: TryResult) => void;
}

export function createTrySlots(clock: Clock, timeoutMs: number): TrySlots {
  const slots = new Map<number, Slot>();
  let cancelTimer: (() => void) | null = null;

  const arm = (dueMs: number): void => {
    cancelTimer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), look);
  };
  const look = (): void => {
    cancelTimer = null;
    const nowMs = clock.monotonicMs();
    for (const slot of slots.values()) if (slot.dueMs <= nowMs) overdue(slot, nowMs, timeoutMs);
    const nextMs = Math.min(...Array.from(slots.values(), (slot) => slot.dueMs));
    if (nextMs < Infinity) arm(nextMs);
  };

  return {
    run(lane, start) {
      return new Promise<TryResult>((resolve, reject) => {
        const settle = (result: TryResult): void => {
          // A late result finds the lane with another try in it, or with none.
          if (slots.get(lane) === slot) slots.delete(lane);
          resolve(result);
        };
        const dueMs = clock.monotonicMs() + timeoutMs;
        const slot: Slot = { controller: null, aborted: null, state: 'running', dueMs, settle };
        slots.set(lane, slot);
        if (cancelTimer === null) arm(slot.dueMs);
        start(() => signalOf(slot)).then((result) => finish(slot, result, timeoutMs), reject);
      });
    },
    abortAll(reason) {
      const dueMs = clock.monotonicMs() + DROP_GRACE_MS;
      for (const slot of slots.values()) {
        if (slot.state === 'running') slot.state = 'dropped';
        slot.dueMs = Math.min(slot.dueMs, dueMs);
        abort(slot, reason);
      }
      cancelTimer?.();
      if (slots.size > 0) arm(dueMs);
    },
    close() {
      cancelTimer?.();
      cancelTimer = null;
    },
  };
}

function signalOf(slot: Slot): AbortSignal {
  if (slot.controller === null) {
    slot.controller = new AbortController();
    if (slot.aborted !== null) slot.controller.abort(slot.aborted);
  }
  return slot.controller.signal;
}

function abort(slot: Slot, reason: string): void {
  slot.aborted ??= new Error(reason);
  slot.controller?.abort(slot.aborted);
}

function overdue(slot: Slot, nowMs: number, timeoutMs: number): void {
  if (slot.state !== 'running') return slot.settle(slot.state === 'dropped' ? 'dropped' : timeoutResult(timeoutMs));
  slot.state = 'timed-out';
  slot.dueMs = nowMs + ABORT_GRACE_MS;
  abort(slot, `handler.timeout of ${timeoutMs} ms reached`);
}

/** A failure after the abort is no evidence of anything but the abort; a success after the drain's is one. */
function finish(slot: Slot, result: HandlerResult, timeoutMs: number): void {
  if (slot.state === 'timed-out') slot.settle(timeoutResult(timeoutMs));
  else slot.settle(slot.state === 'dropped' && !result.ok ? 'dropped' : result);
}

const timeoutResult = (timeoutMs: number): HandlerResult => ({
  ok: false,
  cause: 'timeout-item',
  errorClass: 'timeout-item',
  errorMessage: `took longer than handler.timeout (${timeoutMs} ms)`,
});
