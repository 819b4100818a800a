import type { FailedTry } from './item-limits.ts';
import type { TryEntry } from './try-entry.ts';

/** Tries that wait for slots of pools and their turn at limits before they begin. */
export interface TurnWaits {
  /** Null: the try may begin. `dropped`: nothing is to begin any more. */
  over(entry: TryEntry): Promise<FailedTry | 'dropped' | null> | null;
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
    { entry, own }: { readonly entry: TryEntry; readonly own: AbortController },
  ): Promise<FailedTry | 'dropped' | null> => {
    try {
      const failure = await entering;
      if (failure !== null || !stop.aborted) return failure;
      entry.forgo();
      return 'dropped';
    } catch (error) {
      if (own.signal.aborted) return 'dropped';
      throw error;
    } finally {
      waiting.delete(own);
    }
  };
  return {
    over(entry) {
      if (!entry.takesTurns) return null;
      const own = new AbortController();
      if (stop.aborted) own.abort(stop.reason);
      waiting.add(own);
      return settled(entry.enter(own.signal), { entry, own });
    },
  };
}
