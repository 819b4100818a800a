import { poolSlotKey, type PoolSlotItem } from '../domain/pool.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StateCondition } from '../ports/state-table.ts';
import type { PoolDeps } from './pool-needs.ts';
import { leaveItem } from './pool-leave.ts';
import type { OpenSlot } from './pool-turn.ts';

/** A slot that is this process's. */
export interface TakenSlot {
  readonly pool: string;
  readonly index: number;
  readonly fence: number;
  readonly owner: string;
  readonly leaseMs: number;
  /** Monotonic ms before anything was written: the lease counts from here. */
  readonly begunMs: number;
  /** The same of the first of the process's calls that had it one after the other. */
  readonly turnBegunMs: number;
}

const READ_BACKS = 3;

/**
 * Takes a slot as it was seen, by one conditional write. Null: somebody else was faster, or nobody can say; a slot that was taken without anybody
 * knowing has no heartbeats, so that it comes back by itself.
 * @throws STATE_*
 */
export async function takeSlot(
  deps: PoolDeps,
  { index, seen }: OpenSlot,
  under: { readonly pool: string; readonly leaseMs: number },
): Promise<TakenSlot | null> {
  const { clock, ids, state } = deps;
  const begunMs = clock.monotonicMs();
  const owner = ids.token(20);
  const taken: TakenSlot = { ...under, index, fence: (seen?.fence ?? 0) + 1, owner, begunMs, turnBegunMs: begunMs };
  const key = poolSlotKey(under.pool, index);
  try {
    const change = { set: { fence: taken.fence, ...holderOf(deps, taken) }, remove: ['evictedBy'] };
    return (await state.write(key, change, asSeen(seen))).applied ? await inTime(deps, taken) : null;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
  }
  for (let attempt = 0; attempt < READ_BACKS; attempt += 1)
    try {
      const item = await state.get(key);
      return item?.['owner'] === owner ? await inTime(deps, taken) : null;
    } catch (error) {
      if (!isAppError(error) || !error.retryable) throw error;
    }
  return null;
}

/**
 * The slot for the next call of the same process: one write instead of giving it back, a look and taking it again. Null: it was lost, or nobody can say.
 * Nobody holds it then who knows of it, and giving it back is right.
 */
export async function renewSlot(deps: PoolDeps, taken: TakenSlot): Promise<TakenSlot | null> {
  const { clock, ids, state } = deps;
  const { pool, index, owner, fence } = taken;
  const begunMs = clock.monotonicMs();
  const nowMs = clock.nowMs();
  const set = { fence: fence + 1, beat: ids.token(8), sinceMs: nowMs, beatMs: nowMs };
  try {
    const { applied } = await state.write(poolSlotKey(pool, index), { set }, heldUnder(owner, fence));
    return applied ? await inTime(deps, { ...taken, fence: fence + 1, begunMs }) : null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}

/** The fence is compared too: who is evicted still owns the slot, under a fence that is not its own. */
export const heldUnder = (owner: string, fence: number): StateCondition => ({
  op: 'and',
  of: [
    { op: 'equals', path: 'owner', value: owner },
    { op: 'equals', path: 'fence', value: fence },
  ],
});

/** What a holder or waiter says of itself. */
export function holderOf(
  { clock, ids, holder, priorities }: PoolDeps,
  { pool, owner, leaseMs }: { readonly pool: string; readonly owner: string; readonly leaseMs: number },
): Readonly<Record<string, string | number>> {
  const nowMs = clock.nowMs();
  const priority = priorities[pool] ?? 0;
  return { owner, beat: ids.token(8), leaseMs, ...holder, priority, sinceMs: nowMs, beatMs: nowMs };
}

/** The item is as it was: free as it was, or its holder as silent as it was. */
export const asSeen = (seen: Pick<PoolSlotItem, 'owner' | 'beat'> | null): StateCondition => {
  if (seen === null) return { op: 'item-absent' };
  // Who frees a slot leaves its fence, which the next holder raises: of two that saw it free one finds it so.
  const still: StateCondition[] = Object.entries({
    ...('fence' in seen ? { fence: seen.fence as number } : {}),
    ...('ticket' in seen ? { ticket: seen.ticket as number } : {}),
    ...(seen.owner === undefined ? {} : { owner: seen.owner, beat: seen.beat ?? '' }),
  }).map(([path, value]) => ({ op: 'equals', path, value }));
  return { op: 'and', of: seen.owner === undefined ? [...still, { op: 'absent', path: 'owner' }] : still };
};

/** A slot whose answer came so late that its lease is half over is not worth having. */
async function inTime(deps: PoolDeps, taken: TakenSlot): Promise<TakenSlot | null> {
  if (deps.clock.monotonicMs() - taken.begunMs < taken.leaseMs / 2) return taken;
  await freeSlot(deps, taken);
  return null;
}

/** Gives the slot back, if it still is this holder's. Never throws for a table that does not answer: the lease runs out then. */
export const freeSlot = (deps: PoolDeps, { pool, index, owner }: TakenSlot): Promise<void> =>
  leaveItem(deps, { key: poolSlotKey(pool, index), owner, more: ['evictedBy'] });
