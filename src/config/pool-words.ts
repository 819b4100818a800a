import { LONGEST_POOL_LEASE_MS, MOST_SLOTS, SHORTEST_POOL_LEASE_MS, type PoolDefinition } from '../domain/pool.ts';
import { groupOfPool } from '../domain/turns.ts';
import type { Problem } from '../errors/app-error.ts';
import { wholeNumber } from './plain-types.ts';
import { checkName, figuresRefused, typedAt } from './typed-words.ts';
import { duration } from './unit-types.ts';
import { contextOf } from './value-type.ts';

/** The figures of a pool as they are typed. */
export interface PoolWords {
  readonly slots?: string;
  readonly lease?: string;
}

/** Whose slots are meant, as they are typed: one slot, all that a job holds, or all that are held on a node. */
export type EvictWhom = { readonly slot: string } | { readonly job: string } | { readonly node: string };

const slotsType = wholeNumber({ min: 1, max: MOST_SLOTS });
const leaseType = duration({ minMs: SHORTEST_POOL_LEASE_MS, maxMs: LONGEST_POOL_LEASE_MS });

/**
 * A pool from the words of a command line, or a group of jobs (`group:nightly`); `otherwise` is the lease where none is typed.
 * @throws USAGE with every problem, each at its option
 */
export function poolOfWords(name: string, { slots, lease }: PoolWords, otherwise: number): PoolDefinition {
  const problems: Problem[] = [];
  const group = groupOfPool(name);
  if (group === null) checkName('pool', name, problems);
  else checkName('group', group, problems);
  if (group !== null && lease !== undefined)
    problems.push({
      place: { file: `--lease ${lease}` },
      message: 'found a lease for a group of jobs, expected none: a job keeps its turn until it is over',
      hint: 'Leave --lease out',
    });
  if (slots === undefined)
    problems.push({ message: 'found no slots, expected how many hold the pool at a time', hint: 'Add --slots 20' });
  const most = slots === undefined ? undefined : slotsType.read(typedAt('slots', slots), contextOf('slots', problems));
  const leaseMs =
    lease === undefined ? otherwise : leaseType.read(typedAt('lease', lease), contextOf('lease', problems));
  if (problems.length === 0 && most !== undefined && leaseMs !== undefined) return { slots: most, leaseMs };
  throw figuresRefused('pool', name, problems);
}
