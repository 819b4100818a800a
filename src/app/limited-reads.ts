/** The object store as merges and `advance` read it: under the site's limit of that name. */
import { createLimitedStore } from '../limiter/limited-store.ts';
import { createStoreTurns } from '../limiter/store-turns.ts';
import type { LimitWait } from '../ports/limiter.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { Surroundings } from './job-backends.ts';
import { createLateLimiter } from './late-limiter.ts';
import { createQuietLog } from './quiet-log.ts';

export interface LimitedReads {
  readonly store: ObjectStore;
  /** What reads of this process wait for; null: none waits. */
  readonly waiting: () => LimitWait | null;
}

/** A quota that goes on later than this ends the command, which says when: nobody should hold a job for a day. */
const QUOTA_PATIENCE_MS = 5 * 60_000;

/** What is left of turns at the end of the process is given back through `closers`. */
export function createLimitedReads(
  { clock, random, meter, closers }: Pick<Surroundings, 'clock' | 'random' | 'meter' | 'closers'>,
  { store, state }: { readonly store: ObjectStore; readonly state: StateTable },
): LimitedReads {
  const log = createQuietLog();
  const quotaPatienceMs = QUOTA_PATIENCE_MS;
  const limiter = createLateLimiter({ state, clock, random, log, endsAtMs: null, quotaPatienceMs });
  const turns = createStoreTurns({ state, clock, limiter, log });
  closers.push(() => limiter.close());
  meter.onThrottled((service) => {
    if (service === 's3') turns.tooManyRequests();
  });
  return { store: createLimitedStore(store, (signal) => turns.take(signal)), waiting: () => turns.waiting() };
}
