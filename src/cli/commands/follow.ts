import type { App } from '../../app/api.ts';
import type { StatusDocument } from '../../app/documents.ts';
import { AppError, remedyOf } from '../../errors/app-error.ts';
import { printable } from '../render/text.ts';
import { createProgressView } from '../progress.ts';
import { interrupted, type Session } from '../session.ts';

/** Sentences about messages that are shown: the last ones. */
const MOST_TOLD = 20;

/** Drives a job to its end with a progress bar, for `--wait`. Interrupting it does not stop the job, and what fails says how to go on. */
export async function followJob(session: Session, app: App, job: string): Promise<StatusDocument> {
  const view = await createProgressView(session);
  const told = new Set<string>();
  try {
    return await app.follow({
      job,
      onStatus: (status) => view.status(status),
      onTold: (words) => told.add(words),
      signal: session.io.signal,
    });
  } catch (error) {
    if (session.io.signal.aborted) throw interrupted(job);
    throw error instanceof AppError ? whileFollowing(error, job) : error;
  } finally {
    view.stop();
    // Not while a bar is drawn; a channel that is dead for hours says so again and again.
    for (const words of [...told].slice(-MOST_TOLD)) session.note(printable(words));
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
