import type { StopHooks } from './io.ts';

/** The signal that ends an own stop comes within this of going on. */
const TOLD_WITHIN_MS = 1_000;

/** What is needed of `process`. */
interface Signals {
  readonly pid: number;
  on(signal: 'SIGTSTP' | 'SIGCONT', listener: () => void): unknown;
  off(signal: 'SIGTSTP' | 'SIGCONT', listener: () => void): unknown;
  kill(pid: number, signal: 'SIGTSTP'): unknown;
  /** Monotonic, in seconds. */
  uptime(): number;
}

/**
 * Calls `before` and then stops the process as the signal would have by itself: by the system's own action, which is none where no shell
 * could let the process go on. Calls `after` when it goes on, whoever stopped it.
 */
export function aroundStops(signals: Signals, { before, after }: StopHooks): () => void {
  let isOver = false;
  /** The process goes on by itself after its own stop, and is told of it once more until then; never, where the stop had no effect. */
  let toldUntilMs = Number.NEGATIVE_INFINITY;
  const nowMs = (): number => signals.uptime() * 1_000;
  const stop = async (): Promise<void> => {
    await before();
    if (isOver) return;
    signals.off('SIGTSTP', onStop);
    signals.kill(signals.pid, 'SIGTSTP');
    toldUntilMs = nowMs() + TOLD_WITHIN_MS;
    signals.on('SIGTSTP', onStop);
    await after();
  };
  const onStop = (): void => void stop();
  const onGoOn = (): void => {
    if (nowMs() >= toldUntilMs) void after();
    toldUntilMs = Number.NEGATIVE_INFINITY;
  };
  signals.on('SIGTSTP', onStop);
  signals.on('SIGCONT', onGoOn);
  return () => {
    isOver = true;
    signals.off('SIGTSTP', onStop);
    signals.off('SIGCONT', onGoOn);
  };
}
