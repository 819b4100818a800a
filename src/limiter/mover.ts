import { isAppError } from '../errors/app-error.ts';
import type { Buyer } from './buyer.ts';
import type { Lease } from './lease.ts';
import type { LimiterDeps } from './needs.ts';
import type { Purse } from './purse.ts';

/** Looks now and then whether the slot that a process waits for could be nearer. */
export interface Mover {
  /** Begins to look if it is time for it; returns in how many ms it will be, null: there is nothing to look for. */
  consider(nowUs: number): number | null;
  /** Resolves when no look is under way. */
  settled(): Promise<void>;
}

/** Shorter waits are not worth a read. */
const LEAST_WAIT_MS = 8_000;
/** After half of the wait, and of what is left of it then. */
const MOST_LOOKS = 2;

export function createMover(
  name: string,
  deps: LimiterDeps,
  { buyer, purse, onChange }: { readonly buyer: Buyer; readonly purse: Purse; readonly onChange: () => void },
): Mover {
  let watched: Lease | null = null;
  let looks = 0;
  let lookAtUs = 0;
  let looking: Promise<void> | null = null;

  const plan = (lease: Lease, nowUs: number): void => {
    if (watched !== lease) looks = 0;
    watched = lease;
    const waitUs = lease.fromUs - nowUs;
    lookAtUs =
      looks < MOST_LOOKS && waitUs >= LEAST_WAIT_MS * 1_000
        ? nowUs + waitUs * (0.4 + deps.random.next() / 5)
        : Number.POSITIVE_INFINITY;
  };
  const look = async (lease: Lease): Promise<void> => {
    try {
      await buyer.look();
      const moved = await buyer.move(lease);
      if (moved !== null) purse.replace(lease, moved);
    } catch (error) {
      // The slot that is held is still good; whoever buys next meets the same.
      if (!isAppError(error)) throw error;
      deps.log.debug('no look whether a slot of a limit could be nearer', { limit: name, error: error.message });
    } finally {
      looking = null;
      onChange();
    }
  };
  return {
    consider(nowUs) {
      const lease = purse.ticket(nowUs);
      if (lease === null || looking !== null) return null;
      if (watched !== lease) plan(lease, nowUs);
      if (lookAtUs > nowUs) return Number.isFinite(lookAtUs) ? (lookAtUs - nowUs) / 1_000 : null;
      looks += 1;
      plan(lease, nowUs);
      looking = look(lease);
      return null;
    },
    settled: async () => void (await looking),
  };
}
