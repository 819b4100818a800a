import { readMeta } from '../coordinator/job-meta.ts';
import { readRequest } from '../coordinator/manifests.ts';
import type { JobId } from '../domain/ids.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import type { Drivers } from './job-backends.ts';
import { removeStillborn } from './remove-stillborn.ts';

/**
 * The scheduler a job was submitted with. META says so, so that a job can be cancelled whatever happened to its objects; only a submit that
 * died before META leaves it to the request.
 * @throws JOB_NOT_FOUND, MANIFEST_CORRUPT
 */
export async function schedulerOf(drivers: Drivers, job: JobId): Promise<BackendUrls['scheduler']> {
  const meta = await readMeta(drivers.state, job);
  if (meta !== null) return meta.scheduler;
  const request = await readRequest(drivers.store, job);
  if (request !== null) return request.backends.scheduler;
  return removeStillborn(drivers, job);
}
