/** `pause`, `resume` and `cancel`, as the documents that they show. */
import { cancelJob } from '../coordinator/cancel.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import { pauseJob, type PauseRequest } from '../coordinator/pause.ts';
import { resumeJob } from '../coordinator/resume.ts';
import type { JobId } from '../domain/ids.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import type { CancelDocument, PauseDocument, ResumeDocument } from './decision-documents.ts';
import { eventDocument } from './event-document.ts';

/** @throws what `pauseJob` throws; what hinders the batch system says that the job is paused all the same */
export async function pauseDocument(deps: CoordinatorDeps, job: JobId, request: PauseRequest): Promise<PauseDocument> {
  const { meta, changed, running, waiting } = await pauseJob(deps, job, request).catch((error: unknown) => {
    throw isAppError(error) && error.code.startsWith('BATCH_') ? onlyMarked(error, job) : error;
  });
  return {
    schema: 'slurmctl.pause/1',
    jobId: job,
    state: meta.state,
    changed,
    event: meta.lastEvent === undefined ? null : eventDocument(meta.lastEvent),
    runningElements: running,
    heldElements: waiting,
    draining: request.now && running > 0,
  };
}

const onlyMarked = (error: AppError, job: JobId): AppError =>
  new AppError(error.code, {
    message: `job ${job} is paused, but what it has in the batch system could not be held: ${error.message}`,
    hint: `Elements that start find the job paused and end. Hold them with the same command again, or: slurmctl advance ${job}`,
    details: { ...error.details, jobId: job },
    cause: error,
  });

/** A pass over a paused job is over within seconds; whoever keeps the lease for longer is sending, and goes on with the job. */
const WAIT_LEASE_MS = 60_000;

/** @throws what `resumeJob` throws */
export async function resumeDocument(
  deps: CoordinatorDeps,
  request: { readonly job: JobId; readonly reason?: string; readonly patienceMs: number },
): Promise<ResumeDocument> {
  const { meta, changed, steps, nextDueMs, drivenBy } = await resumeJob(deps, {
    ...request,
    waitLeaseMs: WAIT_LEASE_MS,
  });
  return { schema: 'slurmctl.resume/1', jobId: request.job, state: meta.state, changed, steps, nextDueMs, drivenBy };
}

/** @throws what `cancelJob` throws */
export async function cancelDocument(deps: CoordinatorDeps, job: JobId, reason?: string): Promise<CancelDocument> {
  const { meta, submissions, tasks, running } = await cancelJob(deps, job, reason ?? 'cancelled by its owner');
  return {
    schema: 'slurmctl.cancel/1',
    jobId: job,
    state: meta.state,
    reason: meta.reason ?? null,
    cancelledSubmissions: submissions,
    tasksCancelled: tasks,
    tasksRunning: running,
  };
}
