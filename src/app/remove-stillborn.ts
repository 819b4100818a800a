import { discardJob } from '../coordinator/create-job.ts';
import { readMeta } from '../coordinator/job-meta.ts';
import { acquireLease, advanceLeaseName } from '../coordinator/lease.ts';
import { readRequest } from '../coordinator/manifests.ts';
import type { JobId } from '../domain/ids.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { Drivers } from './job-backends.ts';

/**
 * A submit that dies between the index and the request leaves a name that nothing can be done with: it is removed by whoever comes upon it.
 * A submit holds the lease of its job from before it writes the index, so one that is alive is left alone.
 * @throws JOB_NOT_FOUND, always: it says what became of the job
 */
export async function removeStillborn(
  drivers: Pick<Drivers, 'state' | 'store' | 'clock' | 'ids' | 'host'>,
  job: JobId,
): Promise<never> {
  const lease = await acquireLease(drivers, { name: advanceLeaseName(job), waitMs: 0 }).catch((error: unknown) => {
    if (!isAppError(error, 'LEASE_HELD')) throw error;
    throw new AppError('JOB_NOT_FOUND', {
      message: `job ${job} is not stored yet, or its submit died at once`,
      hint: `Try again in a minute; what is still there after an hour is removed by: slurmctl gc ${job}`,
    });
  });
  try {
    if ((await readMeta(drivers.state, job)) === null && (await readRequest(drivers.store, job)) === null)
      await discardJob(drivers, job);
  } finally {
    await lease.release();
  }
  throw new AppError('JOB_NOT_FOUND', {
    message: `job ${job} was never stored: its submit died at once; what was left of it has been removed`,
    hint: 'Submit it again',
  });
}
