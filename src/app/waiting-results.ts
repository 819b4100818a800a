import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import type { StatusDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';

/** Finished work that is not in the output yet: what could not be stored, and what came after the output was published. */
export async function waitingResults(
  drivers: Pick<Drivers, 'store' | 'state' | 'spills'>,
  job: JobId,
  meta: Pick<JobMeta, 'state' | 'shards'>,
): Promise<Pick<StatusDocument, 'keptResults' | 'lateResults'>> {
  // Both are loaded when used: a command that only looks starts without the rooms that write.
  const kept = async (): Promise<number> => {
    const { shared } = await drivers.spills();
    if (!shared.isThere()) return 0;
    const { listSpills } = await import('../worker/adopt-spills.ts');
    return (await listSpills(shared, job)).length;
  };
  const late = async (): Promise<number> => {
    // Only a job that ended with failures can have any: for all others it costs no read.
    if (!isFinalJobState(meta.state) || meta.state === 'COMPLETED') return 0;
    const { countLateResults } = await import('./late-results.ts');
    return countLateResults(drivers, job, meta);
  };
  return { keptResults: await orNone(kept), lateResults: await orNone(late) };
}

/** How a job is doing can be told without the object store and without the home directory: what cannot be counted is not mentioned. */
async function orNone(counted: () => Promise<number>): Promise<number> {
  try {
    return await counted();
  } catch (error) {
    if (!isAppError(error)) throw error;
    return 0;
  }
}
