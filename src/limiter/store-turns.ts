/** Turns at the limit of a site's object store, where the site has one: people state, change and delete it while merges run. */
import { limitKey, STORE_LIMIT } from '../domain/limit.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Clock } from '../ports/clock.ts';
import type { Limiter, LimitWait } from '../ports/limiter.ts';
import type { Log } from '../ports/log.ts';
import type { StateTable } from '../ports/state-table.ts';

export interface StoreTurnsDeps {
  readonly state: Pick<StateTable, 'get'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly limiter: Limiter;
  readonly log: Log;
}

export interface StoreTurns {
  /**
   * Waits for the turn of one request; not at all where the site has no such limit. A table that does not answer makes it wait, because nobody can
   * say what was sold. @throws LIMIT_SPENT with the time at which its quota goes on; STATE_* for a table that cannot be asked at all
   */
  take(signal?: AbortSignal): Promise<void>;
  /** What requests of this process wait for, for people; null: none waits. */
  waiting(): LimitWait | null;
  /** The store refused a request as too fast. */
  tooManyRequests(): void;
}

/** How long the answer counts whether there is such a limit. */
const LOOK_EVERY_MS = 30_000;

export function createStoreTurns({ state, clock, limiter, log }: StoreTurnsDeps): StoreTurns {
  let isLimited: boolean | null = null;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<boolean> | null = null;
  const look = async (): Promise<boolean> => {
    try {
      return (await state.get(limitKey(STORE_LIMIT))) !== null;
    } catch (error) {
      // What was known a moment ago is a better guess than to fail a merge that needs the table at its end only.
      if (isLimited === null || !isAppError(error) || !error.retryable) throw error;
      log.debug('whether reads are limited was not asked anew', { error: error.message });
      return isLimited;
    } finally {
      looking = null;
    }
  };
  const known = async (): Promise<boolean> => {
    if (isLimited !== null && clock.monotonicMs() - lookedMs < LOOK_EVERY_MS) return isLimited;
    isLimited = await (looking ??= look());
    lookedMs = clock.monotonicMs();
    return isLimited;
  };
  return {
    async take(signal) {
      if (!(await known())) return;
      try {
        await limiter.take(STORE_LIMIT, {}, signal);
      } catch (error) {
        // Deleted meanwhile: there is nothing to wait for.
        if (!isAppError(error, 'LIMIT_UNKNOWN')) throw error;
        isLimited = false;
      }
    },
    waiting: () => limiter.waiting(),
    tooManyRequests() {
      if (isLimited === true) limiter.tooManyRequests(STORE_LIMIT, null);
    },
  };
}
