import type { FailedTry, TryLimits } from './item-limits.ts';

/** Tries that wait for their turn at a limit before they begin. */
export interface TurnWaits {
  /** Null: the try may begin. `dropped`: nothing is to begin any more. */
  over(limits: TryLimits): Promise<FailedTry | 'dropped' | null> | null;
}

/** All waits end with `stop`, but each has a signal of its own: hundreds of listeners on one would look like a leak. */
export function createTurnWaits(stop: AbortSignal): TurnWaits {
  const waiting = new Set<AbortController>();
  const end = (): void => {
    for (const own of waiting) own.abort(stop.reason);
  };
  stop.addEventListener('abort', end, { once: true });
  const settled = async (
    entering: Promise<FailedTry | null>,
    { limits, own }: { readonly limits: TryLimits; readonly own: AbortController },
  ): Promise<FailedTry | 'dropped' | null> => {
    try {
      const failure = await entering;
      if (failure !== null || !stop.aborted) return failure;
      limits.forgo();
      return 'dropped';
    } catch (error) {
      if (own.signal.aborted) return 'dropped';
      throw error;
    } finally {
      waiting.delete(own);
    }
  };
  return {
    over(limits) {
      if (!limits.takesTurns) return null;
      const own = new AbortController();
      if (stop.aborted) own.abort(stop.reason);
      waiting.add(own);
      return settled(limits.enter(own.signal), { limits, own });
    },
  };
}
