/** What an outsider sees of a job's group: who has a turn, who waits, and for whom. */
import { readMeta } from '../coordinator/job-meta.ts';
import { readGroupMax, readTurns } from '../coordinator/turns.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { JobSpec } from '../domain/job-spec.ts';
import type { JobLimit } from '../domain/limit.ts';
import { DEFAULT_POOL_LEASE_MS, type JobPool } from '../domain/pool.ts';
import { isFinalJobState } from '../domain/states.ts';
import { groupPool, type TurnEntry } from '../domain/turns.ts';
import { readPool } from '../limiter/site-pools.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { TurnDocument } from './turn-document.ts';

/** Everything that a job says of what it shares with others; its group comes after its pools. */
export const sharedWords = async (
  state: Pick<StateTable, 'get'>,
  spec: Pick<JobSpec, 'limits' | 'pools' | 'concurrency'>,
): Promise<{ readonly limits: readonly JobLimit[]; readonly pools: readonly JobPool[] }> => ({
  limits: spec.limits ?? [],
  pools: [...(spec.pools ?? []), ...(await groupAsPools(state, spec))],
});

/** The group of a job as a pool of the site, whose slots are jobs: it is compared, and becomes the site's, as pools do. */
async function groupAsPools(
  state: Pick<StateTable, 'get'>,
  { concurrency }: Pick<JobSpec, 'concurrency'>,
): Promise<readonly JobPool[]> {
  if (concurrency === undefined) return [];
  const { group, max, source } = concurrency;
  const name = groupPool(group);
  const common = { name, priority: 0, per: 'call', source } as const;
  if (max === undefined && (await readPool(state, name)) !== null) return [common];
  return [{ ...common, definition: { slots: max ?? 1, leaseMs: DEFAULT_POOL_LEASE_MS } }];
}

/** Null for a job without a group, and for one that has ended. */
export async function turnDocument(
  state: Pick<StateTable, 'get'>,
  job: JobId,
  { group, state: jobState }: JobMeta,
): Promise<TurnDocument | null> {
  if (group === undefined || isFinalJobState(jobState)) return null;
  const { holders, line } = await readTurns(state, group);
  const place = line.findIndex((entry) => entry.job === job);
  const isHolder = holders.some((entry) => entry.job === job);
  return {
    group,
    max: (await readGroupMax(state, group)) ?? 1,
    place: isHolder ? 0 : place < 0 ? null : place + 1,
    holders: await Promise.all(holders.map((entry) => personOf(state, entry))),
    waiting: line.length,
  };
}

/** What `plan` says of a group: one line about who is there. */
export async function groupWords(state: Pick<StateTable, 'get'>, group: string): Promise<string> {
  const { holders, line } = await readTurns(state, group);
  const found = await Promise.all(holders.map((entry) => personOf(state, entry)));
  const live = found.filter(({ state: is }) => is !== null && !isFinalJobState(is));
  const waits = line.length === 0 ? '' : `; ${line.length === 1 ? '1 job waits' : `${line.length} jobs wait`}`;
  const names = live.map(({ job, user, state: is }) => `${job} by ${user}${is === 'PAUSED' ? ', paused' : ''}`);
  return `${names.length === 0 ? 'no job runs' : names.join('; ')}${waits}`;
}

async function personOf(
  state: Pick<StateTable, 'get'>,
  { job, user, sinceMs }: TurnEntry,
): Promise<TurnDocument['holders'][number]> {
  const meta = await readMeta(state, job);
  return { job, user, state: meta?.state ?? null, since: new Date(sinceMs).toISOString() };
}
