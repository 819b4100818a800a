import { isAppError } from '../errors/app-error.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { listSpills } from '../worker/adopt-spills.ts';
import type { StatusDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { countLateResults } from './late-results.ts';

/** Finished work that is not in the output yet: what could not be stored, and what came after the output was published. */
export async function waitingResults(
  drivers: Pick<Drivers, 'store' | 'state' | 'spills'>,
  job: JobId,
  meta: Pick<JobMeta, 'state' | 'shards'>,
): Promise<Pick<StatusDocument, 'keptResults' | 'lateResults'>> {
  const kept = async (): Promise<number> => (await listSpills((await drivers.spills()).shared, job)).length;
  // A job without failures has all its tasks in the output: it costs no read.
  const late = async (): Promise<number> =>
    meta.state === 'COMPLETED' ? 0 : await countLateResults(drivers, job, meta);
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
