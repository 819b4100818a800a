/** The process died here: not an AppError, because nothing may catch it and go on. */
export class SimulatedCrash extends Error {}

export interface CrashPlan {
  /** Number of the port call (from 0) at which the process dies. */
  readonly at: number;
  /** Before the call had its effect, or after it with the answer lost. */
  readonly when: 'before' | 'after';
}

export interface CrashSwitch {
  /** Wraps a port: every method that returns a promise counts as one call. */
  wrap<T extends object>(port: T): T;
  /** Calls seen so far. */
  calls(): number;
  readonly crashed: () => boolean;
}

/** Kills a "process" at one chosen port call; afterwards every further call dies too, as nothing runs in a dead process. */
export function createCrashSwitch(plan: CrashPlan | null): CrashSwitch {
  let count = 0;
  let dead = false;
  const die = (): never => {
    dead = true;
    throw new SimulatedCrash(`died at call ${plan?.at}`);
  };
  const intercept = (call: () => unknown): unknown => {
    if (dead) return Promise.reject(new SimulatedCrash('dead'));
    const number = count;
    count += 1;
    if (number !== plan?.at) return call();
    if (plan.when === 'before') return Promise.reject(new SimulatedCrash('died')).catch(die);
    return Promise.resolve(call()).then(die);
  };
  return {
    wrap: (port) =>
      new Proxy(port, {
        get(target, property) {
          const value: unknown = Reflect.get(target, property);
          if (typeof value !== 'function') return value;
          const method = value.bind(target) as (...args: unknown[]) => unknown;
          if (!COUNTED.has(String(property))) return method;
          return (...args: unknown[]) => intercept(() => method(...args));
        },
      }),
    calls: () => count,
    crashed: () => dead,
  };
}

const COUNTED = new Set([
  'put',
  'putFile',
  'get',
  'head',
  'delete',
  'deletePrefix',
  'write',
  'createMany',
  'submit',
  'find',
  'states',
  'cancel',
  'hold',
  'release',
  'drain',
  'limits',
  'send',
  'purge',
]);
