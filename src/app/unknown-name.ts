/** LIMIT_UNKNOWN and POOL_UNKNOWN for somebody who typed a name: with the name that was probably meant. */
import { nearMiss } from '../config/near-miss.ts';
import { AppError } from '../errors/app-error.ts';
import { limitUnknown } from '../limiter/limit-unknown.ts';
import { poolUnknown } from '../limiter/pool-unknown.ts';
import { listLimits } from '../limiter/site-limits.ts';
import { listPools } from '../limiter/site-pools.ts';
import type { StateTable } from '../ports/state-table.ts';

const OTHER = { limit: 'pool', pool: 'limit' } as const;

/** The error to throw. */
export async function unknownName(state: StateTable, kind: 'limit' | 'pool', name: string): Promise<AppError> {
  const names = {
    limit: (await listLimits(state)).map((limit) => limit.name),
    pool: (await listPools(state)).map((pool) => pool.name),
  };
  const plain = kind === 'limit' ? limitUnknown(name) : poolUnknown(name);
  const other = OTHER[kind];
  const near = nearMiss(name, names[kind]);
  const hint = names[other].includes(name)
    ? `There is a ${other} of this name: slurmctl ${other} show ${name}`
    : near !== null
      ? `Did you mean ${near}? List all with: slurmctl ${kind} list`
      : plain.hint;
  return new AppError(plain.code, { message: plain.message, hint });
}
