import type { Clock } from '../ports/clock.ts';

/** setTimeout takes a 32-bit number of milliseconds and fires at once beyond it. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The clock of this machine. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep,
    after: (ms, fn) => startTimer(ms, fn, false),
    every(ms, fn) {
      const timer = setInterval(fn, Math.min(Math.max(ms, 1), LONGEST_TIMER_MS));
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = startTimer(
      ms,
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      true,
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** One timer of any length, chained from timers that setTimeout can hold. Returns its cancel. */
function startTimer(ms: number, fn: () => void, keepAlive: boolean): () => void {
  let timer: NodeJS.Timeout;
  const start = (leftMs: number): void => {
    const stepMs = Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS);
    timer = setTimeout(() => (leftMs > stepMs ? start(leftMs - stepMs) : fn()), stepMs);
    if (!keepAlive) timer.unref();
  };
  start(ms);
  return () => clearTimeout(timer);
}
