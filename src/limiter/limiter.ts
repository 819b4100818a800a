import type { Limiter } from '../ports/limiter.ts';
import { createLine, type Line, type LineFigures } from './line.ts';
import type { LimiterDeps } from './needs.ts';

/** The limiter of a process, with figures of what it cost. */
export interface MeasuredLimiter extends Limiter {
  /** By limit, since the process began. */
  figures(): Readonly<Record<string, LineFigures>>;
}

/**
 * The limiter of one process: all its calls share one lease of each limit they name. Sold slots, sleeping until they begin and what happens when
 * the table does not answer: see `line.ts` and `purchase.ts`; what is promised: `safety.ts`.
 */
export function createLimiter(deps: LimiterDeps): MeasuredLimiter {
  const lines = new Map<string, Line>();
  const lineOf = (name: string): Line => {
    const line = lines.get(name) ?? createLine(name, deps);
    lines.set(name, line);
    return line;
  };
  return {
    take: (name, cost, signal) => lineOf(name).take(cost, signal),
    tooManyRequests: (name, retryAfterMs) => lineOf(name).tooManyRequests(retryAfterMs),
    waiting() {
      const waits = [...lines.values()].map((line) => line.waiting()).filter((wait) => wait !== null);
      return waits.toSorted((a, b) => b.calls - a.calls)[0] ?? null;
    },
    holdings() {
      const holdings = [...lines.values()].map((line) => line.holding());
      const used = holdings.filter(({ had, held }) => had > 0 || held !== null);
      return used.toSorted((a, b) => (b.held?.units ?? 0) - (a.held?.units ?? 0) || b.had - a.had);
    },
    async close() {
      await Promise.all([...lines.values()].map((line) => line.close()));
    },
    figures: () => Object.fromEntries([...lines].map(([name, line]) => [name, line.figures()])),
  };
}
