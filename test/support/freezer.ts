/** A call of a port as a test picks it. */
export interface SeenCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** A process as others see it that is stopped (SIGSTOP, a network that holds its packets back) and goes on much later. */
export interface Freezer {
  /** Wraps a port of that process: while it is frozen, no call of it reaches the outside. */
  wrap<T extends object>(port: T): T;
  /** Resolves once the process has frozen: in front of the first call that was picked. */
  readonly frozen: Promise<void>;
  /** The calls that were held back go out, and everything after them. */
  thaw(): void;
}

const STREAMS = new Set(['query', 'stream', 'list']);

/** Freezes for once, in front of the first call for which `at` holds. */
export function createFreezer(at: (call: SeenCall) => boolean): Freezer {
  let state: 'before' | 'frozen' | 'after' = 'before';
  let tellFrozen = (): void => undefined;
  let release = (): void => undefined;
  const frozen = new Promise<void>((resolve) => (tellFrozen = resolve));
  const thawed = new Promise<void>((resolve) => (release = resolve));
  const pass = async (method: string, args: readonly unknown[]): Promise<void> => {
    if (state === 'before' && at({ method, args })) {
      state = 'frozen';
      tellFrozen();
    }
    if (state === 'frozen') await thawed;
  };
  return {
    frozen,
    thaw() {
      state = 'after';
      release();
    },
    wrap: (port) =>
      new Proxy(port, {
        get(target, property) {
          const value: unknown = Reflect.get(target, property);
          if (typeof value !== 'function') return value;
          const method = value.bind(target) as (...args: unknown[]) => unknown;
          const name = String(property);
          if (name === 'localPath' || name === 'url') return method;
          if (!STREAMS.has(name)) return (...args: unknown[]) => pass(name, args).then(() => method(...args));
          return async function* (...args: unknown[]) {
            await pass(name, args);
            yield* method(...args) as AsyncIterable<unknown>;
          };
        },
      }),
  };
}
