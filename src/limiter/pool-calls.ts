import type { PoolSlot } from '../ports/limiter.ts';

/** Calls of this process that wait for a slot of one pool, in the order they asked. */
export interface PoolCalls {
  /** Settled by the others, or rejected with the reason of `signal`, which also takes the call out. */
  wait(signal: AbortSignal | undefined): Promise<PoolSlot>;
  length(): number;
  /** False: nobody waits any more. */
  grantFirst(slot: PoolSlot): boolean;
  rejectAll(error: unknown): void;
}

interface Waiting {
  readonly resolve: (slot: PoolSlot) => void;
  readonly reject: (error: unknown) => void;
}

/** `onLeave` is called when a call gave up by itself. */
export function createPoolCalls(onLeave: () => void): PoolCalls {
  let calls: Waiting[] = [];
  return {
    wait: (signal) =>
      new Promise((resolve, reject) => {
        const leave = (): void => {
          calls = calls.filter((other) => other !== call);
          reject(signal?.reason as Error);
          onLeave();
        };
        const stay = (): void => signal?.removeEventListener('abort', leave);
        const call: Waiting = {
          resolve: (slot) => (stay(), resolve(slot)),
          reject: (error) => (stay(), reject(error as Error)),
        };
        calls.push(call);
        signal?.addEventListener('abort', leave, { once: true });
      }),
    length: () => calls.length,
    grantFirst(slot) {
      const first = calls.shift();
      first?.resolve(slot);
      return first !== undefined;
    },
    rejectAll(error) {
      for (const { reject } of calls.splice(0)) reject(error);
    },
  };
}
