import type { Cost } from '../domain/limit.ts';
import type { LimitGrant } from '../ports/limiter.ts';

/** Calls that wait for their turn, in the order they asked. */
export interface WaitQueue {
  /** Waits; settled by the others, or rejected with the reason of `signal`, which also takes the call out. */
  wait(cost: Cost, signal: AbortSignal | undefined): Promise<LimitGrant>;
  length(): number;
  costs(): Cost[];
  first(): Cost | undefined;
  grantFirst(grant: LimitGrant): void;
  rejectFirst(error: unknown): void;
  rejectAll(error: unknown): void;
  /** Replaces every cost; a call for which `counted` throws is rejected with that. */
  recount(counted: (cost: Cost) => Cost): void;
}

interface Waiting {
  cost: Cost;
  readonly resolve: (grant: LimitGrant) => void;
  readonly reject: (error: unknown) => void;
}

/** `onLeave` is called when a call gave up by itself. */
export function createWaitQueue(onLeave: () => void): WaitQueue {
  let calls: Waiting[] = [];
  return {
    wait: (cost, signal) =>
      new Promise((resolve, reject) => {
        const leave = (): void => {
          calls = calls.filter((other) => other !== call);
          reject(signal?.reason as Error);
          onLeave();
        };
        const stay = (): void => signal?.removeEventListener('abort', leave);
        const call: Waiting = {
          cost,
          resolve: (grant) => (stay(), resolve(grant)),
          reject: (error) => (stay(), reject(error as Error)),
        };
        calls.push(call);
        signal?.addEventListener('abort', leave, { once: true });
      }),
    length: () => calls.length,
    costs: () => calls.map(({ cost }) => cost),
    first: () => calls[0]?.cost,
    grantFirst: (grant) => calls.shift()?.resolve(grant),
    rejectFirst: (error) => calls.shift()?.reject(error),
    rejectAll(error) {
      for (const { reject } of calls.splice(0)) reject(error);
    },
    recount(counted) {
      calls = calls.filter((call) => {
        try {
          call.cost = counted(call.cost);
          return true;
        } catch (error) {
          call.reject(error);
          return false;
        }
      });
    },
  };
}
