import type { LoadedJob } from '../aggregator/load-job.ts';
import { isSameBackend } from '../domain/backend-url.ts';
import { AppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';

/**
 * Workers find their job where it was submitted to. A job that was handed over from a spool, or whose state was moved, has no such place any more.
 * @throws JOB_BAD_STATE
 */
export function requireSamePlace({ urls }: Drivers, { job, manifest }: LoadedJob): void {
  const { state, store } = manifest.backends;
  if (isSameBackend(state, urls.state) && isSameBackend(store, urls.store)) return;
  throw new AppError('JOB_BAD_STATE', {
    message: `job ${job} was submitted with its state in ${state} and lies in ${urls.state} today: its workers would not find it`,
    hint: `A job that a spool has handed over cannot run again. Write the items that failed to a file with: slurmctl results ${job} --query "select item_id from errors"; then submit a job of those`,
  });
}
