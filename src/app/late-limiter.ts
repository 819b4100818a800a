import type { LimiterDeps } from '../limiter/needs.ts';
import type { MeasuredLimiter } from '../limiter/limiter.ts';
import type { StateTable } from '../ports/state-table.ts';

/** The limiter of a worker, loaded at the first call: most jobs name no limits. */
export function createLateLimiter(
  deps: Omit<LimiterDeps, 'state' | 'time'> & { readonly state: Pick<StateTable, 'get' | 'write' | 'sharedTime'> },
): MeasuredLimiter {
  let opened: MeasuredLimiter | null = null;
  let opening: Promise<MeasuredLimiter> | null = null;
  const load = async (): Promise<MeasuredLimiter> => {
    const { sharedTime } = deps.state;
    if (sharedTime === undefined) throw new Error('the state table tells no time');
    const { createLimiter } = await import('../limiter/limiter.ts');
    return (opened = createLimiter({ ...deps, time: sharedTime }));
  };
  const open = (): Promise<MeasuredLimiter> => (opening ??= load());
  return {
    take: async (...call) => (await open()).take(...call),
    tooManyRequests(...refusal) {
      if (opened === null) void open().then((limiter) => limiter.tooManyRequests(...refusal));
      else opened.tooManyRequests(...refusal);
    },
    waiting: () => opened?.waiting() ?? null,
    holdings: () => opened?.holdings() ?? [],
    async close() {
      await (await opening)?.close();
    },
    figures: () => opened?.figures() ?? {},
  };
}
