import { poolSlotKey, type PoolSlotItem } from '../domain/pool.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { PoolSlot } from '../ports/limiter.ts';
import type { StateItem } from '../ports/state-table.ts';
import type { PoolDeps } from './pool-needs.ts';
import { heldUnder, type TakenSlot } from './pool-take.ts';

/**
 * A slot in the hands of its holder: a heartbeat each third of the lease; lost when one finds that somebody took the slot away, or when none arrived for
 * two thirds of the lease, which is before anybody else can take it. `giveBack`: the holder needs it no more. `onEnd`: it was given back, or nobody else is
 * to do that.
 */
export function holdSlot(
  deps: PoolDeps,
  taken: TakenSlot,
  end: { readonly giveBack: () => Promise<void>; readonly onEnd: () => void },
): PoolSlot {
  const lost = new AbortController();
  const stop = startBeats(deps, taken, (error) => lost.abort(error));
  let released: Promise<void> | null = null;
  const release = (): Promise<void> => {
    stop();
    released ??= end.giveBack().finally(end.onEnd);
    return released;
  };
  const { index, fence } = taken;
  return { index, fence, signal: lost.signal, release, keep: end.onEnd, [Symbol.asyncDispose]: release };
}

/** Returns what ends them. */
function startBeats(deps: PoolDeps, taken: TakenSlot, onLost: (error: unknown) => void): () => void {
  const { clock } = deps;
  const { leaseMs } = taken;
  let isOver = false;
  let cancelBeat = (): void => {};
  let cancelEnd = (): void => {};
  const stop = (): void => {
    isOver = true;
    cancelBeat();
    cancelEnd();
  };
  const lose = (error: unknown): void => {
    if (isOver) return;
    stop();
    onLost(error);
  };
  const after = (ms: number, fn: () => void): (() => void) => clock.after(Math.max(0, ms), fn);
  /** The slot is the holder's for certain until a lease after the beginning of the last write that was answered. */
  const heardSince = (begunMs: number): void => {
    const goneMs = clock.monotonicMs() - begunMs;
    cancelEnd();
    cancelEnd = after((leaseMs * 2) / 3 - goneMs, () => lose(silenced(taken)));
    cancelBeat = after(leaseMs / 3 - goneMs, () => void beat());
  };
  const beat = async (): Promise<void> => {
    const begunMs = clock.monotonicMs();
    try {
      const current = await writeBeat(deps, taken);
      if (isOver) return;
      if (current === 'mine') heardSince(begunMs);
      else lose(takenAway(taken, current));
    } catch (error) {
      // A bug is told to whoever holds the slot: nobody else would hear of it.
      if (!isAppError(error)) return lose(error);
      deps.log.debug('a heartbeat of a slot did not arrive', { pool: taken.pool, error: error.message });
      if (!isOver) cancelBeat = after((leaseMs / 12) * (0.5 + deps.random.next() / 2), () => void beat());
    }
  };
  heardSince(taken.begunMs);
  return stop;
}

/** Otherwise the slot as it is. */
async function writeBeat(
  { state, clock, ids }: PoolDeps,
  { pool, index, owner, fence }: TakenSlot,
): Promise<'mine' | StateItem | null> {
  const set = { beat: ids.token(8), beatMs: clock.nowMs() };
  const result = await state.write(poolSlotKey(pool, index), { set }, heldUnder(owner, fence), { repeatable: true });
  return result.applied ? 'mine' : result.current;
}

const silenced = ({ pool, index, leaseMs }: TakenSlot): AppError =>
  new AppError('POOL_SLOT_LOST', {
    message: `slot ${index} of pool ${pool} is given up: no heartbeat was answered for two thirds of its lease of ${leaseMs / 1_000} s`,
  });

function takenAway({ pool, index, owner }: TakenSlot, current: StateItem | null): AppError {
  const { evictedBy, owner: holder } = (current ?? {}) as Partial<PoolSlotItem>;
  const why =
    holder === owner && evictedBy !== undefined ? `taken away by ${evictedBy}` : 'taken over by another holder';
  return new AppError('POOL_SLOT_LOST', { message: `slot ${index} of pool ${pool} was ${why}` });
}
