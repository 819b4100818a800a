/** Calls of a process that wait, in the order they asked; each for what it `wants`. */
export interface WaitQueue<Wanted, Grant> {
  /** Waits; settled by the others, or rejected with the reason of `signal`, which also takes the call out. */
  wait(wants: Wanted, signal: AbortSignal | undefined): Promise<Grant>;
  length(): number;
  wanted(): Wanted[];
  first(): Wanted | undefined;
  /** False: nobody waits any more. */
  grantFirst(grant: Grant): boolean;
  rejectFirst(error: unknown): void;
  rejectAll(error: unknown): void;
  /** Replaces what every call wants; a call for which `counted` throws is rejected with that. */
  recount(counted: (wants: Wanted) => Wanted): void;
}

interface Waiting<Wanted, Grant> {
  wants: Wanted;
  readonly resolve: (grant: Grant) => void;
  readonly reject: (error: unknown) => void;
}

/** `onLeave` is called when a call gave up by itself. */
export function createWaitQueue<Wanted, Grant>(onLeave: () => void): WaitQueue<Wanted, Grant> {
  let calls: Waiting<Wanted, Grant>[] = [];
  return {
    wait: (wants, signal) =>
      new Promise((resolve, reject) => {
        const leave = (): void => {
          calls = calls.filter((other) => other !== call);
          reject(signal?.reason as Error);
          onLeave();
        };
        const stay = (): void => signal?.removeEventListener('abort', leave);
        const call: Waiting<Wanted, Grant> = {
          wants,
          resolve: (grant) => (stay(), resolve(grant)),
          reject: (error) => (stay(), reject(error as Error)),
        };
        calls.push(call);
        signal?.addEventListener('abort', leave, { once: true });
      }),
    length: () => calls.length,
    wanted: () => calls.map(({ wants }) => wants),
    first: () => calls[0]?.wants,
    grantFirst(grant) {
      const first = calls.shift();
      first?.resolve(grant);
      return first !== undefined;
    },
    rejectFirst: (error) => calls.shift()?.reject(error),
    rejectAll(error) {
      for (const { reject } of calls.splice(0)) reject(error);
    },
    recount(counted) {
      calls = calls.filter((call) => {
        try {
          call.wants = counted(call.wants);
          return true;
        } catch (error) {
          call.reject(error);
          return false;
        }
      });
    },
  };
}
