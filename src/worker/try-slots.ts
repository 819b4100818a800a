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
   * trivial item, and most handlers never look at it. `fail` aborts it too: unless the try succeeds all the same, it ends by that failure. `pause` stops
   * the clock of the timeout until what it returns is called, once for each pause.
   */
  run(lane: number, start: (signal: () => AbortSignal, by: Means) => Promise<HandlerResult>): Promise<TryResult>;
  /** Aborts every try in flight; those that do not end within the grace are dropped. */
  abortAll(reason: string): void;
  close(): void;
}

/** What a try can do about its own end. */
export interface Means {
  readonly fail: (failed: Extract<HandlerResult, { readonly ok: false }>) => void;
  readonly pause: () => () => void;
}

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
  /** Monotonic ms at which the timer has to look at this slot next, if it is not paused. */
  dueMs: number;
  /** Pauses of the timeout that are not over, and when the first of them began (monotonic ms). */
  pauses: number;
  pausedMs: number;
  readonly settle: (result: TryResult) => void;
}

const NEW = { controller: null, aborted: null, state: 'running', verdict: 'dropped', pauses: 0, pausedMs: 0 } as const;

export function createTrySlots(clock: Clock, timeoutMs: number): TrySlots {
  const slots = new Map<number, Slot>();
  const timer = createTimer(clock, slots, timeoutMs);

  return {
    run(lane, start) {
      return new Promise<TryResult>((resolve, reject) => {
        const settle = (result: TryResult): void => {
          // A late result finds the lane with another try in it, or with none.
          if (slots.get(lane) === slot) slots.delete(lane);
          resolve(result);
        };
        const slot: Slot = { ...NEW, dueMs: clock.monotonicMs() + timeoutMs, settle };
        slots.set(lane, slot);
        timer.armFor(slot);
        const fail: Means['fail'] = (failed) => {
          if (slot.state !== 'running' || slots.get(lane) !== slot) return;
          end(slot, { as: 'failed', verdict: failed, reason: failed.errorMessage, nowMs: clock.monotonicMs() });
          timer.armNext();
        };
        const pause = () => pauseOf(slot, clock, timer);
        start(() => signalOf(slot), { fail, pause }).then((result) => finish(slot, result), reject);
      });
    },
    abortAll(reason) {
      const dueMs = clock.monotonicMs() + DROP_GRACE_MS;
      for (const slot of slots.values()) {
        if (slot.state === 'running') slot.state = 'dropped';
        slot.dueMs = Math.min(slot.dueMs, dueMs);
        abort(slot, reason);
      }
      timer.armNext();
    },
    close: () => timer.cancel(),
  };
}

/** Looks at the slots when the first of them is due. */
function createTimer(clock: Clock, slots: ReadonlyMap<number, Slot>, timeoutMs: number) {
  let cancelTimer: (() => void) | null = null;
  let armedMs = Infinity;
  const cancel = (): void => {
    cancelTimer?.();
    cancelTimer = null;
  };
  const arm = (dueMs: number): void => {
    cancelTimer?.();
    armedMs = dueMs;
    cancelTimer = clock.after(Math.max(0, dueMs - clock.monotonicMs()), look);
  };
  const armNext = (): void => {
    const nextMs = Math.min(...Array.from(slots.values(), dueOf));
    if (nextMs < Infinity) arm(nextMs);
    else cancel();
  };
  const look = (): void => {
    cancelTimer = null;
    const nowMs = clock.monotonicMs();
    for (const slot of slots.values()) if (dueOf(slot) <= nowMs) overdue(slot, nowMs, timeoutMs);
    armNext();
  };
  return {
    cancel,
    armNext,
    /** For a slot that begins, or goes on. */
    armFor({ dueMs }: Slot): void {
      if (cancelTimer === null || dueMs < armedMs) arm(dueMs);
    },
  };
}

function pauseOf(slot: Slot, clock: Clock, timer: Pick<ReturnType<typeof createTimer>, 'armFor'>): () => void {
  if (slot.pauses === 0) slot.pausedMs = clock.monotonicMs();
  slot.pauses += 1;
  return () => {
    slot.pauses -= 1;
    if (slot.pauses > 0 || slot.state !== 'running') return;
    slot.dueMs += clock.monotonicMs() - slot.pausedMs;
    timer.armFor(slot);
  };
}

/** A try that is about to end is waited for no longer, whatever it waits for. */
const dueOf = ({ state, pauses, dueMs }: Slot): number => (state === 'running' && pauses > 0 ? Infinity : dueMs);

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
