import type { StopHooks } from './io.ts';

/** What is needed of `process`. */
interface Signals {
  readonly pid: number;
  on(signal: 'SIGTSTP' | 'SIGCONT', listener: () => void): unknown;
  off(signal: 'SIGTSTP' | 'SIGCONT', listener: () => void): unknown;
  kill(pid: number, signal: 'SIGTSTP'): unknown;
}

/**
 * Calls `before` and then stops the process as the signal would have by itself: by the system's own action, which is none where no shell
 * could let the process go on. Calls `after` when it goes on, whoever stopped it.
 */
export function aroundStops(signals: Signals, { before, after }: StopHooks): () => void {
  let isOver = false;
  /** The process goes on by itself after its own stop, and is told of it once more. */
  let isTold = false;
  const stop = async (): Promise<void> => {
    await before();
    if (isOver) return;
    signals.off('SIGTSTP', onStop);
    isTold = true;
    signals.kill(signals.pid, 'SIGTSTP');
    signals.on('SIGTSTP', onStop);
    await after();
  };
  const onStop = (): void => void stop();
  const onGoOn = (): void => {
    if (!isTold) void after();
    isTold = false;
  };
  signals.on('SIGTSTP', onStop);
  signals.on('SIGCONT', onGoOn);
  return () => {
    isOver = true;
    signals.off('SIGTSTP', onStop);
    signals.off('SIGCONT', onGoOn);
  };
}
