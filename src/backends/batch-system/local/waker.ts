import type { Clock } from '../../../ports/clock.ts';

/** Lets a loop wait for a nudge or a time, whichever comes first; a nudge between two waits is not lost. */
export interface Waker {
  notify(): void;
  wait(ms: number): Promise<void>;
}

export function createWaker(clock: Clock): Waker {
  let due = false;
  let wakeUp: (() => void) | null = null;
  return {
    notify() {
      due = true;
      wakeUp?.();
    },
    async wait(ms) {
      if (!due) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(ms, resolve);
          wakeUp = () => {
            cancel();
            resolve();
          };
        });
      }
      wakeUp = null;
      due = false;
    },
  };
}
