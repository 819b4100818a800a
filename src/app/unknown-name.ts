/** LIMIT_UNKNOWN and POOL_UNKNOWN for somebody who typed a name: with the name that was probably meant. */
import { nearMiss } from '../config/near-miss.ts';
import { groupPool } from '../domain/turns.ts';
import { AppError } from '../errors/app-error.ts';
import { limitUnknown } from '../limiter/limit-unknown.ts';
import { poolUnknown } from '../limiter/pool-unknown.ts';
import { listLimits } from '../limiter/site-limits.ts';
import { listPools } from '../limiter/site-pools.ts';
import type { StateTable } from '../ports/state-table.ts';

type Kind = 'limit' | 'pool';

const OTHER = { limit: 'pool', pool: 'limit' } as const;

/** The error to throw. */
export async function unknownName(state: StateTable, kind: Kind, name: string): Promise<AppError> {
  const names = {
    limit: (await listLimits(state)).map((limit) => limit.name),
    pool: (await listPools(state)).map((pool) => pool.name),
  };
  const plain = kind === 'limit' ? limitUnknown(name) : poolUnknown(name);
  return new AppError(plain.code, { message: plain.message, hint: meantBy(kind, name, names) ?? plain.hint });
}

function meantBy(kind: Kind, name: string, names: Readonly<Record<Kind, readonly string[]>>): string | null {
  const other = OTHER[kind];
  if (names[other].includes(name)) return `There is a ${other} of this name: slurmctl ${other} show ${name}`;
  const group = groupPool(name);
  if (names.pool.includes(group)) return `There is a group of jobs of this name: slurmctl pool show ${group}`;
  const near = nearMiss(name, names[kind]);
  return near === null ? null : `Did you mean ${near}? List all with: slurmctl ${kind} list`;
}
