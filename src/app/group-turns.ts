import { readMeta } from '../coordinator/job-meta.ts';
import { readTurns } from '../coordinator/turns.ts';
import { isFinalJobState } from '../domain/states.ts';
import type { TurnEntry } from '../domain/turns.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { GroupJob, PoolDocument } from './pool-documents.ts';
import { isoTime } from './status-document.ts';

type Turns = NonNullable<PoolDocument['turns']>;

/** Which jobs of a group have their turns, and which wait, as people are shown them; `nowMs` is the time of the table. */
export async function turnsOf(state: Pick<StateTable, 'get'>, group: string, nowMs: number): Promise<Turns> {
  const { holders, line } = await readTurns(state, group);
  const shown = async (entries: readonly TurnEntry[]): Promise<GroupJob[]> => {
    const jobs = [];
    for (const { job, user, sinceMs } of entries) {
      const forMs = Math.max(0, Math.round(nowMs - sinceMs));
      jobs.push({ job, user, state: (await readMeta(state, job))?.state ?? null, since: isoTime(sinceMs), forMs });
    }
    return jobs;
  };
  return { running: await shown(holders), waiting: await shown(line) };
}

/** Jobs that are not over. */
export const liveIn = (jobs: readonly GroupJob[]): number =>
  jobs.filter(({ state }) => state !== null && !isFinalJobState(state)).length;
