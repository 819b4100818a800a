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
   * trivial item, and most handlers never look at it. `fail` aborts it too: unless the try succeeds all the same, it ends by that failure.
   */
  run(lane: number, start: (signal: () => AbortSignal, fail: Fail) => Promise<HandlerResult>): Promise<TryResult>;
  /** Aborts every try in flight; those that do not end within the grace are dropped. */
  abortAll(reason: string): void;
  close(): void;
}

type Fail = (failed: Extract<HandlerResult, { readonly ok: false }>) => void;

/** How long a try may take to react to its aborted signal. */
export const ABORT_GRACE_MS = 5_000;
const DROP_GRACE_MS = 1_000;

interface Slot {
  /** Null until somebody asks for the signal. */
  controller: AbortController | null;
  /** Why the signal is aborted; null while it is not. */
  aborted: Error | null;
  state: 'running' | 'timed-out' | 'failed' | 'dropped';
  /** How the try ends when it was aborted. */
  verdict: TryResult;
  /** Monotonic ms at which the timer has to look at this slot next. */
  dueMs: number;
  readonly settle: (result: TryResult) => void;
}

export function createTrySlots(clock: Clock, timeoutMs: number): TrySlots {
  const slots = new Map<number, Slot>();
  let cancelTimer: (() => void) | null = null;

  const arm = (dueMs: number): void => {
    cancelTimer?.();
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
        const slot: Slot = { controller: null, aborted: null, state: 'running', verdict: 'dropped', dueMs, settle };
        slots.set(lane, slot);
        if (cancelTimer === null) arm(slot.dueMs);
        const fail: Fail = (failed) => {
          if (slot.state !== 'running' || slots.get(lane) !== slot) return;
          end(slot, { as: 'failed', verdict: failed, reason: failed.errorMessage, nowMs: clock.monotonicMs() });
          arm(Math.min(...Array.from(slots.values(), (each) => each.dueMs)));
        };
        start(() => signalOf(slot), fail).then((result) => finish(slot, result), reject);
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
  if (slot.state !== 'running') return slot.settle(slot.verdict);
  const reason = `handler.timeout of ${timeoutMs} ms reached`;
  end(slot, { as: 'timed-out', verdict: timeoutResult(timeoutMs), reason, nowMs });
}

function end(
  slot: Slot,
  how: {
    readonly as: 'timed-out' | 'failed';
    readonly verdict: TryResult;
    readonly reason: string;
    readonly nowMs: number;
  },
): void {
  slot.state = how.as;
  slot.verdict = how.verdict;
  slot.dueMs = how.nowMs + ABORT_GRACE_MS;
  abort(slot, how.reason);
}

/** A failure after the abort is no evidence of anything but the abort; a success is one, unless it came too late. */
function finish(slot: Slot, result: HandlerResult): void {
  const counts = slot.state === 'running' || (result.ok && slot.state !== 'timed-out');
  slot.settle(counts ? result : slot.verdict);
}

const timeoutResult = (timeoutMs: number): HandlerResult => ({
  ok: false,
  cause: 'timeout-item',
  errorClass: 'timeout-item',
  errorMessage: `took longer than handler.timeout (${timeoutMs} ms)`,
});
