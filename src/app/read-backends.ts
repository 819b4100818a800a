import { readRequest } from '../coordinator/manifests.ts';
import type { JobId } from '../domain/ids.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import { AppError } from '../errors/app-error.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** The backends a job was submitted with; null when its submit died before they were stored. */
export const readBackends = async (store: ObjectStore, job: JobId): Promise<BackendUrls | null> =>
  (await readRequest(store, job))?.backends ?? null;

/** @throws JOB_NOT_FOUND */
export async function requireBackends(store: ObjectStore, job: JobId): Promise<BackendUrls> {
  const backends = await readBackends(store, job);
  if (backends === null)
    throw new AppError('JOB_NOT_FOUND', {
      message: `job ${job} was never stored: its submit died at once`,
      hint: 'Remove what is left of it with: slurmctl gc',
    });
  return backends;
}
