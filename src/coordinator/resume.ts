/** Lets a paused job go on: META back to the state it had, the arrays released, and a pass that sends what is due, since nobody else may come by. */
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { metaKey } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import { advanceJob, type AdvanceRequest, type AdvanceResult } from './advance.ts';
import { keepEvent, newEvent, nothingDoneSince, type LastEvent } from './job-events.ts';
import { requireMeta } from './job-meta.ts';
import type { CoordinatorDeps } from './needs.ts';
import { settleHolds } from './settle-holds.ts';
import { FORGIVEN, moveSubmission, readSubmissions } from './submissions.ts';

export interface Resumed extends AdvanceResult {
  /** False: it was not paused. */
  readonly changed: boolean;
  /** Somebody else was advancing the job all the time, and goes on with it: one line about them. Null: this call did. */
  readonly drivenBy: string | null;
}

/** @throws JOB_NOT_FOUND; JOB_BAD_STATE when the job has ended; what `advanceJob` throws, the job then being resumed already */
export async function resumeJob(
  deps: CoordinatorDeps,
  request: Omit<AdvanceRequest, 'leaseWatch'> & { readonly reason?: string },
): Promise<Resumed> {
  const { job } = request;
  const { meta, changed } = await markResumed(deps, job, request.reason);
  await keepEvent(deps.state, job, meta);
  const { steps } = await settleHolds(deps, job);
  try {
    const result = await advanceJob(deps, request);
    return { ...result, steps: [...steps, ...result.steps], changed, drivenBy: null };
  } catch (error) {
    if (!isAppError(error, 'LEASE_HELD')) throw error;
    // A pass over a paused job is short, so a holder that lasts this long is in one that sends, and looks at META as it goes.
    return {
      meta: await requireMeta(deps.state, job),
      steps,
      nextDueMs: null,
      changed,
      drivenBy: error.message,
    };
  }
}

/** Of a write that somebody else was faster with, or whose answer was lost. */
const MOST_TRIES = 10;

async function markResumed(
  deps: CoordinatorDeps,
  job: JobId,
  reason: string | undefined,
): Promise<{ readonly meta: JobMeta; readonly changed: boolean }> {
  const event = newEvent(deps, 'resume', reason === undefined ? 'resumed' : `resumed: ${reason}`);
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const meta = await requireMeta(deps.state, job);
    if (isFinalJobState(meta.state))
      throw new AppError('JOB_BAD_STATE', {
        message: `job ${job} has ended (${meta.state}): there is nothing to resume`,
        hint: `Look at it with: slurmctl status ${job}`,
      });
    if (meta.state !== 'PAUSED') return { meta, changed: meta.lastEvent?.id === event.id };
    // The pause may have died before it wrote its event down, and META is about to forget it.
    await keepEvent(deps.state, job, meta);
    await forgiveArrays(deps, job);
    const resumed = await tryResume(deps, job, meta, event);
    if (resumed !== null) return { meta: resumed, changed: true };
  }
  throw new AppError('STATE_UNCERTAIN', { message: `job ${job} could not be resumed in ${MOST_TRIES} tries` });
}

/** Null when META is not as it was seen any more, or nobody knows. */
async function tryResume(deps: CoordinatorDeps, job: JobId, seen: JobMeta, event: LastEvent): Promise<JobMeta | null> {
  try {
    const result = await deps.state.write(
      metaKey(job),
      {
        set: { state: seen.pausedFrom ?? 'RUNNING', lastEvent: event, updatedMs: event.atMs },
        remove: ['pausedFrom'],
      },
      { op: 'and', of: [{ op: 'equals', path: 'state', value: 'PAUSED' }, nothingDoneSince(seen)] },
    );
    return result.applied ? (result.item as unknown as JobMeta) : null;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return null;
  }
}

/** Elements that start while the job is paused end without a task. That says nothing about them: the array counts as one that did something. */
async function forgiveArrays(deps: CoordinatorDeps, job: JobId): Promise<void> {
  for (const row of await readSubmissions(deps.state, job))
    if (row.kind === 'array' && row.state === 'SUBMITTED')
      await moveSubmission(deps.state, job, row, { from: 'SUBMITTED', set: FORGIVEN });
}
