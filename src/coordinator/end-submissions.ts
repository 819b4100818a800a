/** What becomes of the outbox of a job that is over. */
import type { JobId } from '../domain/ids.ts';
import type { CoordinatorDeps } from './needs.ts';
import { acceptedAs, handleOf, moveSubmission, readSubmissions, type Submission } from './submissions.ts';

/**
 * Cancels whatever of a job is still in the batch system and closes its outbox rows. `reason`: for rows that never arrived there. The process
 * does not cancel what it runs in, which is about to end by itself. Returns how many submissions were cancelled.
 */
export async function endSubmissions(deps: CoordinatorDeps, job: JobId, reason: string): Promise<number> {
  let cancelled = 0;
  for (const known of await readSubmissions(deps.state, job)) {
    const row = known.state === 'INTENT' ? await resolveIntent(deps, job, known, reason) : known;
    if (row.state !== 'SUBMITTED') continue;
    if (row.handle !== deps.ownBatchJobId) {
      await deps.batch.cancel(handleOf(row));
      cancelled += 1;
    }
    await moveSubmission(deps.state, job, row, { from: 'SUBMITTED', set: { state: 'ENDED' } });
  }
  return cancelled;
}

/**
 * A row that was sent without an answer may exist: it is found by its name, or will see META and exit when it starts. Returns the row as it is
 * afterwards: SUBMITTED when it was found, else REJECTED with this reason.
 */
async function resolveIntent(
  deps: Pick<CoordinatorDeps, 'batch' | 'state' | 'clock'>,
  job: JobId,
  row: Submission,
  reason: string,
): Promise<Submission> {
  const found = row.sentMs === undefined ? undefined : (await deps.batch.find([row.jobName])).get(row.jobName);
  const set = found === undefined ? { state: 'REJECTED', reason } : acceptedAs(found, deps.clock.nowMs());
  return moveSubmission(deps.state, job, row, { from: 'INTENT', set });
}
