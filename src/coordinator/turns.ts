/**
 * Jobs of one group (`concurrency`) run at most `max` at a time. A turn is taken by the job's own pass, and by nobody else: elements can only be sent as
 * the user whose job it is. It is given back by the pass that ends the job, or taken from a job that is over by whoever looks next.
 */
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { poolKey, type JobConcurrency, type PoolItem } from '../domain/pool.ts';
import { isFinalJobState } from '../domain/states.ts';
import {
  groupPool,
  lookForTurn,
  NO_TURNS,
  turnsKey,
  withoutJob,
  type TurnEntry,
  type TurnFacts,
  type TurnsItem,
} from '../domain/turns.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { StateTable, StateValue } from '../ports/state-table.ts';
import { isLive } from './element-states.ts';
import { readMeta } from './job-meta.ts';
import type { CoordinatorDeps } from './needs.ts';
import { handleOf, readSubmissions } from './submissions.ts';

/** Of a write that somebody else was faster with, or whose answer was lost: everybody of a group may come at once. */
const MOST_TRIES = 200;
/** After its end, an element that the batch system does not know may be one that it does not know of yet, or runs where nobody here can ask. */
const SURELY_GONE_MS = 60_000;

export interface Turn {
  readonly isGranted: boolean;
  readonly group: string;
  readonly max: number;
  readonly holders: readonly (TurnEntry & { readonly meta: JobMeta | null })[];
  /** Jobs that go first, also where a turn is free. */
  readonly ahead: readonly TurnEntry[];
  /** Epoch ms since which the job waits. */
  readonly sinceMs: number;
}

export const readTurns = async (state: Pick<StateTable, 'get'>, group: string): Promise<TurnsItem> =>
  ((await state.get(turnsKey(group))) as TurnsItem | null) ?? NO_TURNS;

/** What the site says of the group; null when nobody has said anything, or it was deleted. */
export const readGroupMax = async (state: Pick<StateTable, 'get'>, group: string): Promise<number | null> =>
  ((await state.get(poolKey(groupPool(group)))) as PoolItem | null)?.definition.slots ?? null;

/** The turn of a live job, or its place in the line. @throws BATCH_UNREACHABLE, STATE_* */
export async function takeTurn(
  deps: CoordinatorDeps,
  job: JobId,
  meta: JobMeta,
  { group, max: own }: JobConcurrency,
): Promise<Turn> {
  const me = { job, generation: meta.generation, user: deps.host.user };
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const item = await readTurns(deps.state, group);
    const max = (await readGroupMax(deps.state, group)) ?? own ?? 1;
    const seen = await lookAtHolders(deps, item, job);
    const facts = await factsOf(deps, { item, max, me: job, over: seen.over });
    const look = lookForTurn(item, me, facts);
    if (look.isChanged && !(await replace(deps.state, group, look.next))) continue;
    const { isGranted, ahead, next } = look;
    const sinceMs = next.line.find((entry) => entry.job === job)?.sinceMs ?? facts.nowMs;
    const holders = next.holders.map((entry) => ({ ...entry, meta: seen.metas.get(entry.job) ?? null }));
    return { isGranted, group, max, holders, ahead, sinceMs };
  }
  throw contended(group);
}

/**
 * The end of a job's turn, or of its waiting. Where elements of it still run, the turn stays with it: whoever looks when they have ended takes it away.
 * @throws BATCH_UNREACHABLE, STATE_*
 */
export async function leaveTurn(deps: CoordinatorDeps, job: JobId, { group }: JobMeta): Promise<void> {
  if (group === undefined) return;
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const item = await readTurns(deps.state, group);
    const without = withoutJob(item, job);
    if (without === null) return;
    // Read after the group: a job that was opened again since then has written there, and this write is refused.
    if (!(await isOver(deps, job, await readMeta(deps.state, job)))) return;
    if (await replace(deps.state, group, without)) return;
  }
  throw contended(group);
}

const contended = (group: string): AppError =>
  new AppError('STATE_UNCERTAIN', { message: `the turns of group ${group} changed ${MOST_TRIES} times meanwhile` });

/** False: it changed meanwhile, or nobody knows. */
async function replace(state: StateTable, group: string, next: TurnsItem): Promise<boolean> {
  const seen = next.g - 1;
  try {
    const { applied } = await state.write(
      turnsKey(group),
      {
        set: next as unknown as Record<string, StateValue>,
        ...(next.freeSinceMs === undefined ? { remove: ['freeSinceMs'] } : {}),
      },
      seen === 0 ? { op: 'item-absent' } : { op: 'equals', path: 'g', value: seen },
    );
    return applied;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return false;
  }
}

interface Holders {
  readonly metas: ReadonlyMap<JobId, JobMeta | null>;
  readonly over: ReadonlySet<JobId>;
}

async function lookAtHolders(deps: CoordinatorDeps, { holders }: TurnsItem, me: JobId): Promise<Holders> {
  const metas = new Map<JobId, JobMeta | null>();
  const over = new Set<JobId>();
  for (const { job } of holders) {
    if (job === me) continue;
    const meta = await readMeta(deps.state, job);
    metas.set(job, meta);
    if (await isOver(deps, job, meta)) over.add(job);
  }
  return { metas, over };
}

/** Those in the line matter only where a turn is free. */
async function factsOf(
  deps: CoordinatorDeps,
  known: { readonly item: TurnsItem; readonly max: number; readonly me: JobId; readonly over: ReadonlySet<JobId> },
): Promise<TurnFacts> {
  const { item, max, me } = known;
  const over = new Set(known.over);
  const paused = new Set<JobId>();
  const isFull = item.holders.filter(({ job }) => !over.has(job)).length >= max;
  for (const { job } of isFull ? [] : item.line) {
    if (job === me) break;
    const meta = await readMeta(deps.state, job);
    if (meta === null || isFinalJobState(meta.state)) over.add(job);
    else if (meta.state === 'PAUSED') paused.add(job);
  }
  return { max, nowMs: deps.clock.nowMs(), over, paused };
}

/** Has the job ended, with all its elements? A job that is gone has. */
async function isOver(deps: CoordinatorDeps, job: JobId, meta: JobMeta | null): Promise<boolean> {
  if (meta === null) return true;
  if (!isFinalJobState(meta.state)) return false;
  const arrays = (await readSubmissions(deps.state, job)).filter(
    ({ kind, handle }) => kind === 'array' && handle !== undefined,
  );
  if (arrays.length === 0) return true;
  const isOurs = meta.scheduler === deps.batch.kind;
  const asked = arrays.map((row) => ({
    ...handleOf(row),
    count: row.elements,
    sinceMs: row.submittedMs ?? row.createdMs,
  }));
  const elements = isOurs ? await deps.batch.states(asked) : [];
  if (elements.some(isLive)) return false;
  const isKnown = isOurs && elements.every(({ phase }) => phase === 'ended');
  return isKnown || deps.clock.nowMs() - (meta.finishedMs ?? 0) >= SURELY_GONE_MS;
}
