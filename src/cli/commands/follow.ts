import type { App } from '../../app/api.ts';
import type { StatusDocument } from '../../app/documents.ts';
import { AppError, remedyOf } from '../../errors/app-error.ts';
import { createProgressView } from '../progress.ts';
import { interrupted, type Session } from '../session.ts';

/** Drives a job to its end with a progress bar, for `--wait`. Interrupting it does not stop the job, and what fails says how to go on. */
export async function followJob(session: Session, app: App, job: string): Promise<StatusDocument> {
  const view = await createProgressView(session);
  try {
    return await app.follow({ job, onStatus: (status) => view.status(status), signal: session.io.signal });
  } catch (error) {
    if (session.io.signal.aborted) throw interrupted(job);
    throw error instanceof AppError ? whileFollowing(error, job) : error;
  } finally {
    view.stop();
  }
}

const whileFollowing = (error: AppError, job: string): AppError =>
  new AppError(error.code, {
    message: error.message,
    hint: `${remedyOf(error)}. The job is stored; go on with: slurmctl advance ${job}`,
    details: { ...error.details, jobId: job },
    problems: error.problems,
    cause: error,
  });

/** Exit code of a command that waited for a job. */
export const exitCodeOf = ({ job }: StatusDocument): number =>
  job.state === 'COMPLETED' || job.state === 'COMPLETED_WITH_FAILURES' ? 0 : 3;
