import { AppError } from '../../src/errors/app-error.ts';
import type { Pools, PoolSlot } from '../../src/ports/limiter.ts';

export interface PoolDouble {
  readonly pools: Pools;
  /** What was asked of it, in order: `ask db`, `give db 1`, `back db 1`, `keep db 1`. */
  readonly told: string[];
  /** Gives the first call that waits for the pool its slot. */
  readonly give: (pool: string) => PoolSlot;
  /** As a person takes it away. */
  readonly lose: (slot: PoolSlot) => void;
}

interface Waiting {
  readonly pool: string;
  readonly resolve: (slot: PoolSlot) => void;
}

/** Pools in memory; slots are given at once, or when the test gives them. */
export function createPoolDouble({ isOpen }: { readonly isOpen: boolean }): PoolDouble {
  const told: string[] = [];
  let waiting: Waiting[] = [];
  const controllers = new Map<PoolSlot, AbortController>();
  let fence = 0;
  const slotOf = (pool: string): PoolSlot => {
    fence += 1;
    const mine = fence;
    const lost = new AbortController();
    let isBack = false;
    const release = (): Promise<void> => {
      if (!isBack) told.push(`back ${pool} ${mine}`);
      isBack = true;
      return Promise.resolve();
    };
    const keep = (): void => void told.push(`keep ${pool} ${mine}`);
    const slot = { index: 0, fence: mine, signal: lost.signal, release, keep, [Symbol.asyncDispose]: release };
    controllers.set(slot, lost);
    told.push(`give ${pool} ${mine}`);
    return slot;
  };
  return {
    told,
    pools: {
      acquire: (pool, signal) =>
        new Promise((resolve, reject) => {
          told.push(`ask ${pool}`);
          if (isOpen) return resolve(slotOf(pool));
          const call = { pool, resolve };
          waiting.push(call);
          const leave = (): void => {
            waiting = waiting.filter((other) => other !== call);
            reject(signal?.reason as Error);
          };
          if (signal?.aborted === true) leave();
          else signal?.addEventListener('abort', leave, { once: true });
        }),
      waiting: () => null,
      close: () => Promise.resolve(),
    },
    give(pool) {
      const call = waiting.find((each) => each.pool === pool);
      if (call === undefined) throw new Error(`nobody waits for ${pool}`);
      waiting = waiting.filter((other) => other !== call);
      const slot = slotOf(pool);
      call.resolve(slot);
      return slot;
    },
    lose(slot) {
      controllers
        .get(slot)
        ?.abort(new AppError('POOL_SLOT_LOST', { message: `slot 0 of ${slot.fence} was taken away` }));
    },
  };
}
