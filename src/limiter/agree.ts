/**
 * What a job says of the limits and pools it shares with others, beside what the site says: all of it is compared before any of it is written, and all
 * that does not fit is told at once.
 */
import type { JobLimit } from '../domain/limit.ts';
import type { JobPool } from '../domain/pool.ts';
import { groupOfPool } from '../domain/turns.ts';
import { AppError, type Problem } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import type { StateTable } from '../ports/state-table.ts';
import { compareLimit, stateLimit, type Agreed, type Said } from './site-limits.ts';
import { comparePool, statePool, type AgreedPool } from './site-pools.ts';

interface Words {
  readonly limits: readonly JobLimit[];
  /** And groups, whose slots are jobs. */
  readonly pools: readonly JobPool[];
}

interface AgreedWords {
  readonly limits: readonly Agreed[];
  readonly pools: readonly AgreedPool[];
}

/** Without writing. @throws LIMIT_CONFLICT, POOL_CONFLICT, LIMIT_UNKNOWN, POOL_UNKNOWN, the first that fits, with all problems there are */
export async function compareShared(
  state: Pick<StateTable, 'get'>,
  { limits, pools }: Words,
  said: Pick<Said, 'source'>,
): Promise<AgreedWords> {
  const wrong: Wrong[] = [];
  const agreed: { limits: Agreed[]; pools: AgreedPool[] } = { limits: [], pools: [] };
  for (const limit of limits) {
    const found = await compareLimit(state, limit, said);
    if (found.kind === 'agreed') agreed.limits.push(found.agreed);
    else wrong.push({ ...found, what: 'limit' });
  }
  for (const pool of pools) {
    const found = await comparePool(state, pool, said);
    if (found.kind === 'agreed') agreed.pools.push(found.agreed);
    else wrong.push({ ...found, what: groupOfPool(pool.name) === null ? 'pool' : 'group' });
  }
  if (wrong.length > 0) throw disagreement(wrong);
  return agreed;
}

/**
 * The same, and states what the site says nothing of. `said.source`: whose words they are, `job embed by ada on login1`.
 * @throws as `compareShared`, and nothing is written then; STATE_*
 */
export async function agreeOnShared(
  state: Pick<StateTable, 'get' | 'query' | 'write' | 'createMany' | 'deleteItem'>,
  words: Words,
  said: Said,
): Promise<AgreedWords> {
  const agreed = await compareShared(state, words, said);
  const limits = agreed.limits.filter(({ isNew }) => isNew);
  const pools = agreed.pools.filter(({ isNew }) => isNew);
  if (limits.length + pools.length === 0) return agreed;
  for (const limit of limits) await stateLimit(state, limit, said);
  for (const pool of pools) await statePool(state, pool, said);
  // Somebody may have stated another figure at the same moment: then that one counts, for this job too.
  const now = await compareShared(state, words, said);
  return { limits: confirmed(now.limits, agreed.limits), pools: confirmed(now.pools, agreed.pools) };
}

const confirmed = <A extends { readonly isNew: boolean }>(now: readonly A[], before: readonly A[]): A[] =>
  now.map((one, index) => ({ ...one, isNew: before[index]?.isNew === true }));

interface Wrong {
  readonly kind: 'conflict' | 'unknown';
  readonly what: 'limit' | 'pool' | 'group';
  readonly problem: Problem;
}

function disagreement(wrong: readonly Wrong[]): AppError {
  const conflicts = wrong.filter(({ kind }) => kind === 'conflict');
  const unknown = wrong.filter(({ kind }) => kind === 'unknown');
  const named = conflicts.length > 0 ? conflicts : unknown;
  const ofLimits = named.some(({ what }) => what === 'limit');
  const [ofLimit, ofPool]: [ErrorCode, ErrorCode] =
    conflicts.length > 0 ? ['LIMIT_CONFLICT', 'POOL_CONFLICT'] : ['LIMIT_UNKNOWN', 'POOL_UNKNOWN'];
  const lists = [
    ...(wrong.some(({ what }) => what === 'limit') ? ['slurmctl limit list'] : []),
    ...(wrong.some(({ what }) => what !== 'limit') ? ['slurmctl pool list'] : []),
  ];
  return new AppError(ofLimits ? ofLimit : ofPool, {
    message:
      conflicts.length > 0
        ? `the job and the site disagree about ${countWords(wrong)}`
        : `the job uses ${countWords(wrong)} that this site does not have`,
    hint: `See what the site says with: ${lists.join('; and: ')}`,
    problems: [...conflicts, ...unknown].map(({ problem }) => problem),
  });
}

/** `2 limits and a pool`. */
function countWords(wrong: readonly Wrong[]): string {
  const counted = (['limit', 'pool', 'group'] as const).flatMap((what) => {
    const count = wrong.filter((one) => one.what === what).length;
    return count === 0 ? [] : [count === 1 ? `a ${what}` : `${count} ${what}s`];
  });
  return counted.length < 2 ? counted.join('') : `${counted.slice(0, -1).join(', ')} and ${counted.at(-1)}`;
}
