/** What becomes of an outbox row whose job is over. */
import type { JobId } from '../domain/ids.ts';
import type { CoordinatorDeps } from './needs.ts';
import { acceptedAs, moveSubmission, type Submission } from './submissions.ts';

/**
 * A row that was sent without an answer may exist: it is found by its name, or will see META and exit when it starts. Returns the row as it is
 * afterwards: SUBMITTED when it was found, else REJECTED with this reason.
 */
export async function resolveIntent(
  deps: Pick<CoordinatorDeps, 'batch' | 'state' | 'clock'>,
  job: JobId,
  row: Submission,
  reason: string,
): Promise<Submission> {
  const found = row.sentMs === undefined ? undefined : (await deps.batch.find([row.jobName])).get(row.jobName);
  const set = found === undefined ? { state: 'REJECTED', reason } : acceptedAs(found, deps.clock.nowMs());
  return moveSubmission(deps.state, job, row, { from: 'INTENT', set });
}
