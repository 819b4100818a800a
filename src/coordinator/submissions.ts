/**
 * The outbox: what is to be sent to the batch system is written down first, under an unguessable name, so that a
 * submission whose answer was lost is found again instead of being repeated. States: INTENT → SUBMITTED | REJECTED, SUBMITTED → ENDED.
 * Should a duplicate slip through all the same it only costs time: claims decide who runs a task.
 */
import { isAppError } from '../errors/app-error.ts';
import { asSubmissionId, type JobId, type SubmissionId } from '../domain/ids.ts';
import { submissionName, type SubmissionItem } from '../domain/job-item.ts';
import { jobPartition, SUBMISSION_PREFIX, submissionKey } from '../domain/state-keys.ts';
import type { BatchHandle } from '../ports/batch-system.ts';
import type { StateItem, StateTable, StateValue } from '../ports/state-table.ts';

/** A submission that was sent this recently may still be on its way; nobody concludes anything from not finding it. */
export const SETTLE_MS = 15_000;

export interface Submission extends SubmissionItem {
  readonly id: SubmissionId;
}

/** Every outbox row of a job, oldest first. */
export async function readSubmissions(state: StateTable, job: JobId): Promise<Submission[]> {
  const found: Submission[] = [];
  for await (const { sort, item } of state.query(jobPartition(job), SUBMISSION_PREFIX))
    found.push({ ...(item as unknown as SubmissionItem), id: asSubmissionId(sort.slice(SUBMISSION_PREFIX.length)) });
  return found;
}

export async function writeIntent(
  state: StateTable,
  job: JobId,
  id: SubmissionId,
  intent: Omit<SubmissionItem, 'state' | 'jobName'>,
): Promise<Submission> {
  const item: SubmissionItem = { state: 'INTENT', jobName: submissionName(job, id), ...intent };
  await state.createMany([{ key: submissionKey(job, id), item: item as unknown as StateItem }]);
  return { ...item, id };
}

/** Moves an outbox row; a row that already left `from` stays as it is. Returns the row as it is afterwards. @throws STATE_UNCERTAIN */
export async function moveSubmission(
  state: StateTable,
  job: JobId,
  submission: Submission,
  move: { readonly from: SubmissionItem['state']; readonly set: Partial<Record<keyof SubmissionItem, StateValue>> },
): Promise<Submission> {
  const key = submissionKey(job, submission.id);
  for (let tries = 1; ; tries += 1) {
    try {
      const result = await state.write(key, { set: move.set }, { op: 'equals', path: 'state', value: move.from });
      const item = (result.applied ? result.item : result.current) as unknown as SubmissionItem;
      return { ...item, id: submission.id };
    } catch (error) {
      if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
      const seen = (await state.get(key)) as SubmissionItem | null;
      if (seen !== null && seen.state !== move.from) return { ...seen, id: submission.id };
      if (tries === MOST_TRIES) throw error;
    }
  }
}

/** Of a write whose outcome stays unknown. */
const MOST_TRIES = 3;

/** For an array that had no chance to claim anything: it counts as one that did. */
export const FORGIVEN = { attemptsBefore: -1, fruitlessBefore: 0 } as const;

export const handleOf = (submission: Submission): BatchHandle => ({
  id: submission.handle as string,
  ...(submission.cluster === undefined ? {} : { cluster: submission.cluster }),
});

/** The fields that record an accepted submission. */
export const acceptedAs = (handle: BatchHandle, nowMs: number): Partial<Record<keyof SubmissionItem, StateValue>> => ({
  state: 'SUBMITTED',
  handle: handle.id,
  submittedMs: nowMs,
  ...(handle.cluster === undefined ? {} : { cluster: handle.cluster }),
});
