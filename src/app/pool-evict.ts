/** `pool evict`: takes slots away from their holders. */
import { nearMiss } from '../config/near-miss.ts';
import type { EvictWhom } from '../config/pool-words.ts';
import type { PoolSlotItem } from '../domain/pool.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import { evictSlot } from '../limiter/site-pools.ts';
import { findJob } from './find-job.ts';
import type { Drivers } from './job-backends.ts';
import { look } from './pool-commands.ts';
import type { PoolEvictDocument } from './pool-documents.ts';
import { personOf } from './pool-people.ts';

/**
 * Takes away every slot that is meant. Whoever took one of them away before stays the one who did.
 * @throws USAGE for a slot that the pool does not have, POOL_UNKNOWN, POOL_NOT_HELD when nobody that is meant holds one, STATE_*
 */
export async function poolEvict(
  drivers: Drivers,
  { name, whom }: { readonly name: string; readonly whom: EvictWhom },
): Promise<PoolEvictDocument> {
  const { view, turns, nowMs } = await look(drivers, name);
  if (turns !== null)
    throw new AppError('USAGE', {
      message: `pool evict ${name}: found a group of jobs, whose turns nobody can take away`,
      hint: `A job keeps its turn until it is over: see which with: slurmctl pool show ${name}; end one with: slurmctl cancel ${turns.running[0]?.job ?? 'JOB'}`,
    });
  const held = [...view.slots].filter(([, { owner }]) => owner !== undefined).toSorted(([a], [b]) => a - b);
  const meant = await meantSlots(drivers, { name, whom, held, most: view.item.definition.slots });
  const { user, hostname } = drivers.host;
  const source = `slurmctl pool evict by ${user}@${hostname}`;
  const slots: PoolEvictDocument['slots'][number][] = [];
  for (const [slot, seen] of meant) {
    const leaseMs = seen.leaseMs ?? view.item.definition.leaseMs;
    const isAlready = seen.evictedBy !== undefined;
    const taken = isAlready ? null : await evictSlot(drivers.state, { name, slot, seen }, { source });
    slots.push({
      slot,
      outcome: isAlready ? 'already' : taken === null ? 'returned' : 'evicted',
      holder: personOf(seen, nowMs),
      // The fence of a slot that was taken away is one above that of its holder.
      fence: isAlready ? seen.fence - 1 : (taken ?? seen).fence,
      evictedBy: isAlready ? seen.evictedBy : taken === null ? null : source,
      hearsWithinMs: Math.ceil(leaseMs / 3),
      freeAfterMs: leaseMs,
    });
  }
  return { schema: 'slurmctl.pool-evict/1', name, slots };
}

type Held = readonly [slot: number, seen: PoolSlotItem];

interface Asked {
  readonly name: string;
  readonly whom: EvictWhom;
  readonly held: readonly Held[];
  readonly most: number;
}

async function meantSlots(drivers: Drivers, asked: Asked): Promise<readonly Held[]> {
  const { whom } = asked;
  if ('slot' in whom) return [heldSlot(asked, whom.slot)];
  return 'job' in whom ? heldByJob(drivers, asked, whom.job) : heldOnNode(asked, whom.node);
}

function heldSlot({ name, held, most }: Asked, text: string): Held {
  const slot = /^\d{1,3}$/.test(text) ? Number(text) : NaN;
  const found = held.find(([number]) => number === slot);
  if (found !== undefined) return found;
  if (slot < most) throw notHeld(name, `nobody holds slot ${slot} of pool ${name}`);
  throw new AppError('USAGE', {
    message: `pool evict ${name}: found slot ${JSON.stringify(text)}, expected a number from 0 to ${most - 1}`,
    hint: `See who holds what with: slurmctl pool show ${name}`,
  });
}

async function heldByJob(drivers: Drivers, { name, held }: Asked, reference: string): Promise<readonly Held[]> {
  const holds = (job: string): readonly Held[] => held.filter(([, seen]) => seen.job === job);
  const exact = holds(reference);
  if (exact.length > 0) return exact;
  const job = await idOf(drivers, reference);
  const found = holds(job);
  if (found.length > 0) return found;
  throw notHeld(name, `job ${job} holds no slot of pool ${name}`);
}

/** A holder whose job this table does not know is named by its whole id. */
async function idOf(drivers: Drivers, reference: string): Promise<string> {
  try {
    return (await findJob(drivers.state, reference)).id;
  } catch (error) {
    if (!isAppError(error, 'JOB_NOT_FOUND')) throw error;
    return reference;
  }
}

function heldOnNode({ name, held }: Asked, node: string): readonly Held[] {
  const found = held.filter(([, seen]) => seen.node === node);
  if (found.length > 0) return found;
  const near = nearMiss(node, [...new Set(held.map(([, seen]) => seen.node ?? ''))]);
  const meant = near === null ? '' : `; did you mean ${near}?`;
  throw notHeld(name, `nobody on node ${JSON.stringify(node)} holds a slot of pool ${name}${meant}`);
}

const notHeld = (name: string, message: string): AppError =>
  new AppError('POOL_NOT_HELD', { message, hint: `See who holds what with: slurmctl pool show ${name}` });
