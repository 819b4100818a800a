/** Submit, attached: creates the job, sends wave 0 and queues the finaliser. What fails before anything runs leaves nothing behind. */
import { AppError, isAppError, messageOf } from '../errors/app-error.ts';
import type { JobId } from '../domain/ids.ts';
import { advanceUnderLease, type AdvanceResult } from './advance.ts';
import { continueCreation, discardOwn, isFull, newJobId, recordRequest } from './create-job.ts';
import { readMeta } from './job-meta.ts';
import { acquireLease, advanceLeaseName } from './lease.ts';
import type { CoordinatorDeps, NewJob } from './needs.ts';

export interface SubmitOptions {
  /** How long submit limits are waited out before the rest is left to `advance`. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal;
  readonly onItems?: (items: number, bytes: number) => void;
  readonly onWait?: (note: string) => void;
  /** The job is stored; from here on another process could finish it. */
  readonly onJob?: (job: JobId) => void;
}

/**
 * @throws INPUT_* and BATCH_REFUSED (nothing is left behind); BATCH_UNREACHABLE (before anything is written, or afterwards with the job
 * stored for `advance`)
 */
export async function submitJob(
  deps: CoordinatorDeps,
  wanted: NewJob,
  options: SubmitOptions,
): Promise<AdvanceResult & { readonly job: JobId }> {
  const { spec } = wanted;
  await deps.batch.limits({
    ...(spec.slurm.partition === undefined ? {} : { partition: spec.slurm.partition }),
    resources: spec.resources,
  });
  const job = newJobId(deps, spec.name);
  const lease = await acquireLease(deps, { name: advanceLeaseName(job), waitMs: 0 });
  try {
    await createOrDiscard(deps, wanted, { job, lease, options });
    options.onJob?.(job);
    const result = await advanceUnderLease(deps, lease, { job, waitLeaseMs: 0, ...options });
    return { ...result, job };
  } catch (error) {
    if (isAppError(error, 'BATCH_REFUSED') && (await nothingAccepted(deps, job)))
      await discardOwn(deps, lease, { job, reason: error.message, wanted });
    throw error;
  } finally {
    await lease.release();
  }
}

async function createOrDiscard(
  deps: CoordinatorDeps,
  wanted: NewJob,
  run: {
    readonly job: JobId;
    readonly lease: Awaited<ReturnType<typeof acquireLease>>;
    readonly options: SubmitOptions;
  },
): Promise<void> {
  try {
    await recordRequest(deps, run.job, wanted, run.lease.fence);
    await continueCreation(deps, run.lease, { job: run.job, ...run.options });
  } catch (error) {
    let removed;
    try {
      removed = await discardOwn(deps, run.lease, { job: run.job, reason: messageOf(error), wanted });
    } catch {
      throw leftBehind(error, run.job);
    }
    throw removed && isAppError(error) && isFull(error) ? discarded(error) : error;
  }
}

/** What cannot even be removed is named, with the ways to be rid of it; the first error is the one that matters. */
function leftBehind(error: unknown, job: JobId): unknown {
  if (!isAppError(error)) return error;
  return new AppError(error.code, {
    message: error.message,
    hint: `${error.hint}. What was written of job ${job} could not be removed; then end it with: slurmctl cancel ${job}`,
    details: { ...error.details, jobId: job },
    problems: error.problems,
    cause: error,
  });
}

const discarded = (error: AppError): AppError =>
  new AppError(error.code, {
    message: error.message,
    hint: 'Free space (slurmctl gc helps) or choose a bigger --home, then submit again; nothing of this job was kept',
    details: error.details,
    cause: error,
  });

async function nothingAccepted(deps: CoordinatorDeps, job: JobId): Promise<boolean> {
  const meta = await readMeta(deps.state, job);
  return meta !== null && meta.submittedWave < 0;
}
