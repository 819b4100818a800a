import { readMeta } from '../coordinator/job-meta.ts';
import { readRequest } from '../coordinator/manifests.ts';
import type { JobId } from '../domain/ids.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import { AppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';

/**
 * The scheduler a job was submitted with. META says so, so that a job can be cancelled whatever happened to its objects; only a submit that
 * died before META leaves it to the request.
 * @throws JOB_NOT_FOUND, MANIFEST_CORRUPT
 */
export async function schedulerOf(
  { state, store }: Pick<Drivers, 'state' | 'store'>,
  job: JobId,
): Promise<BackendUrls['scheduler']> {
  const meta = await readMeta(state, job);
  if (meta !== null) return meta.scheduler;
  const request = await readRequest(store, job);
  if (request !== null) return request.backends.scheduler;
  throw new AppError('JOB_NOT_FOUND', {
    message: `job ${job} was never stored: its submit died at once`,
    hint: 'Remove what is left of it with: slurmctl gc',
  });
}
