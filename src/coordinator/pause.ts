/**
 * Stops a job from starting anything, at any moment before it merges. Like a cancel it needs no lease: META → PAUSED is one conditional write, and
 * everybody who submits or claims looks at META. Then what waits in the batch system is held; what runs ends after its task, or at once.
 */
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { metaKey } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { AppError, isAppError } from '../errors/app-error.ts';
import { keepEvent, newEvent, nothingDoneSince, type LastEvent } from './job-events.ts';
import { requireMeta } from './job-meta.ts';
import type { CoordinatorDeps } from './needs.ts';
import { settleHolds, type Holds } from './settle-holds.ts';

export interface PauseRequest {
  /** One line for people. */
  readonly reason?: string;
  /** Running elements save their work and end instead of finishing their task. */
  readonly now: boolean;
}

export interface Paused extends Holds {
  /** False: it was paused already. */
  readonly changed: boolean;
}

/**
 * @throws JOB_NOT_FOUND; JOB_BAD_STATE when the job is merging or has ended; BATCH_* when the job is paused and its arrays could not be held: the
 * same call again goes on from there
 */
export async function pauseJob(deps: CoordinatorDeps, job: JobId, request: PauseRequest): Promise<Paused> {
  const { meta, changed } = await markPaused(deps, job, request);
  await keepEvent(deps.state, job, meta);
  const holds = await settleHolds(deps, job);
  if (request.now && holds.meta.state === 'PAUSED')
    for (const handle of holds.runningIn) await deps.batch.drain(handle);
  return { ...holds, changed };
}

/** Of a write that somebody else was faster with, or whose answer was lost. */
const MOST_TRIES = 10;

async function markPaused(
  deps: CoordinatorDeps,
  job: JobId,
  { reason, now }: PauseRequest,
): Promise<{ readonly meta: JobMeta; readonly changed: boolean }> {
  const how = now ? 'paused, running elements stop at once' : 'paused';
  const event = newEvent(deps, 'pause', reason === undefined ? how : `${how}: ${reason}`);
  for (let tries = 1; tries <= MOST_TRIES; tries += 1) {
    const meta = await requireMeta(deps.state, job);
    if (meta.state === 'PAUSED') return { meta, changed: meta.lastEvent?.id === event.id };
    requirePausable(job, meta);
    const paused = await tryPause(deps, job, meta, event);
    if (paused !== null) return { meta: paused, changed: true };
  }
  throw new AppError('STATE_UNCERTAIN', { message: `job ${job} could not be paused in ${MOST_TRIES} tries` });
}

/** @throws JOB_BAD_STATE */
function requirePausable(job: JobId, { state }: JobMeta): void {
  if (isFinalJobState(state))
    throw new AppError('JOB_BAD_STATE', {
      message: `job ${job} has ended (${state}): there is nothing to pause`,
      hint: `Look at it with: slurmctl status ${job}`,
    });
  if (state === 'AGGREGATING')
    throw new AppError('JOB_BAD_STATE', {
      message: `job ${job} has finished all its tasks and merges its output: there is nothing left to pause`,
      hint: `Wait for it with: slurmctl status ${job} --watch; or end it with: slurmctl cancel ${job}`,
    });
}

/** Null when META is not as it was seen any more, or nobody knows. */
async function tryPause(deps: CoordinatorDeps, job: JobId, seen: JobMeta, event: LastEvent): Promise<JobMeta | null> {
  try {
    const result = await deps.state.write(
      metaKey(job),
      {
        set: { state: 'PAUSED', pausedFrom: seen.state, lastEvent: event, updatedMs: event.atMs },
        add: { pauses: 1 },
        remove: ['waitingFor'],
      },
      { op: 'and', of: [{ op: 'equals', path: 'state', value: seen.state }, nothingDoneSince(seen)] },
    );
    return result.applied ? (result.item as unknown as JobMeta) : null;
  } catch (error) {
    if (!isAppError(error, 'STATE_UNCERTAIN')) throw error;
    return null;
  }
}
