import { readPublication } from '../aggregator/publication.ts';
import { readTasks } from '../coordinator/task-list.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { isFinalJobState } from '../domain/states.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';

/**
 * Tasks that were finished after the output was published, which has failed rows for them: `slurmctl aggregate JOB` makes one with their results.
 * Only jobs with tasks that were given up or cancelled can have any; for all others this costs two small reads.
 */
export async function countLateResults(
  { store, state }: Pick<Drivers, 'store' | 'state'>,
  job: JobId,
  meta: Pick<JobMeta, 'state' | 'shards'>,
): Promise<number> {
  if (!isFinalJobState(meta.state)) return 0;
  const published = await readPublication(store, job).catch((error: unknown) => {
    // A publication that is damaged is another matter, and said elsewhere.
    if (isAppError(error, 'MANIFEST_CORRUPT')) return null;
    throw error;
  });
  if (published === null || published.tasks.dead + published.tasks.cancelled === 0) return 0;
  let done = 0;
  for await (const task of readTasks(state, job, meta.shards)) if (task.state === 'DONE') done += 1;
  return Math.max(0, done - published.tasks.done);
}
