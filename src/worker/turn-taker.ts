import type { Cost } from '../domain/limit.ts';
import type { Clock } from '../ports/clock.ts';
import type { Limiter, LimitGrant } from '../ports/limiter.ts';

/** A call that has its turn. */
export interface Call {
  readonly grant: LimitGrant;
  readonly said: Cost;
}

/** A turn that is older than this is no right to call any more where others are waited for beside it. */
export const FRESH_MS = 1_000;
/** How often a try asks again for turns that have aged. */
const ROUNDS = 3;

/** Takes the turns that a try needs, of several limits. For all tries of a process: it learns which of them are waited for the longest. */
export interface TurnTaker {
  /**
   * Sets the call of each limit in `calls`. The limit whose turn took the longest of late comes last, and turns that have aged meanwhile are given up and
   * asked for again. When it fails, `calls` has those that were had.
   * @throws what `take` of the limiter throws
   */
  take(
    costs: readonly (readonly [name: string, cost: Cost])[],
    calls: Map<string, Call>,
    signal: AbortSignal,
  ): Promise<void>;
}

/** The turn may be used by others of this process. */
export const giveUp = ({ grant, said }: Call): void =>
  grant.settle(Object.fromEntries(['requests', ...Object.keys(said)].map((unit) => [unit, 0] as const)));

export function createTurnTaker(limiter: Pick<Limiter, 'take'>, clock: Pick<Clock, 'monotonicMs'>): TurnTaker {
  const waits = new Map<string, number>();
  const longestLast = (a: readonly [string, Cost], b: readonly [string, Cost]): number =>
    (waits.get(a[0]) ?? 0) - (waits.get(b[0]) ?? 0);
  return {
    async take(costs, calls, signal) {
      const hadMs = new Map<string, number>();
      const isOld = ([name]: readonly [string, Cost]): boolean =>
        clock.monotonicMs() - (hadMs.get(name) ?? -Infinity) > FRESH_MS;
      const inOrder = costs.toSorted(longestLast);
      let due = inOrder;
      for (let round = 0; round < ROUNDS && due.length > 0; round += 1) {
        for (const [name, said] of due) {
          const old = calls.get(name);
          if (old !== undefined) giveUp(old);
          calls.delete(name);
          const begunMs = clock.monotonicMs();
          calls.set(name, { grant: await limiter.take(name, said, signal), said });
          hadMs.set(name, clock.monotonicMs());
          if (round === 0) waits.set(name, clock.monotonicMs() - begunMs);
        }
        due = inOrder.filter(isOld);
      }
    },
  };
}
