/** Work that a loop asks for and does not wait for. */

export interface Beside<T> {
  /** Does it soon. What is asked for while something is done is joined, and done once afterwards. @throws what an earlier piece of work ended with */
  ask(wanted: T): void;
  /** Resolves when nothing is left to do. @throws what the work ended with */
  settled(): Promise<void>;
}

/** One piece of work at a time. `join`: two requests of which neither was begun, as one. */
export function createBeside<T>(work: (wanted: T) => Promise<void>, join: (earlier: T, later: T) => T): Beside<T> {
  let waiting: { readonly wanted: T } | null = null;
  let running: Promise<void> | null = null;
  let failed: { readonly error: unknown } | null = null;
  const throwFailed = (): void => {
    if (failed !== null) throw failed.error;
  };
  const run = async (): Promise<void> => {
    try {
      while (waiting !== null) {
        const { wanted } = waiting;
        waiting = null;
        await work(wanted);
      }
    } catch (error) {
      failed = { error };
    }
    running = null;
  };
  return {
    ask(wanted) {
      throwFailed();
      waiting = { wanted: waiting === null ? wanted : join(waiting.wanted, wanted) };
      running ??= run();
    },
    async settled() {
      await running;
      throwFailed();
    },
  };
}
