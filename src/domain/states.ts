/** States of jobs and tasks, and the arrows between them. Anything not listed here is refused by the one conditional write behind it. */

export const JOB_STATES = [
  'SUBMITTING',
  'RUNNING',
  'PAUSED',
  'AGGREGATING',
  'COMPLETED',
  'COMPLETED_WITH_FAILURES',
  'FAILED',
  'CANCELLED',
] as const;
export type JobState = (typeof JOB_STATES)[number];

/**
 * - `SUBMITTING`: input is being split, or the first array is not accepted yet
 * - `RUNNING`: elements may be claiming tasks
 * - `PAUSED`: nothing is sent or started; elements that run finish their task. Only a person ends it: `resume` or `cancel`
 * - `AGGREGATING`: every task is final, the output is being merged; back to `RUNNING` when a committed result turns out corrupt
 * - `COMPLETED`: published, every item succeeded
 * - `COMPLETED_WITH_FAILURES`: published, failures within `retry.tolerate`
 * - `FAILED`: published with more failures than tolerated, or never got as far as an output (see `reason`)
 */
const JOB_ARROWS: Record<JobState, readonly JobState[]> = {
  SUBMITTING: ['RUNNING', 'PAUSED', 'FAILED', 'CANCELLED'],
  RUNNING: ['PAUSED', 'AGGREGATING', 'FAILED', 'CANCELLED'],
  PAUSED: ['SUBMITTING', 'RUNNING', 'CANCELLED'],
  AGGREGATING: ['RUNNING', 'COMPLETED', 'COMPLETED_WITH_FAILURES', 'FAILED', 'CANCELLED'],
  COMPLETED: [],
  COMPLETED_WITH_FAILURES: [],
  FAILED: [],
  CANCELLED: [],
};

export const canJobMove = (from: JobState, to: JobState): boolean => JOB_ARROWS[from].includes(to);

/** States from which `to` may be reached, for use in a write condition. */
export const jobStatesBefore = (to: JobState): JobState[] => JOB_STATES.filter((from) => canJobMove(from, to));

export const isFinalJobState = (state: JobState): boolean => JOB_ARROWS[state].length === 0;

/**
 * States from which `retry` opens the next generation of a job. No arrow leads out of a final state for anybody else: a write that comes late
 * must not bring a job back to life.
 */
export const canJobReopen = (state: JobState): boolean => state !== 'SUBMITTING';

/** Stored states of a task. `SUBMITTED` is not stored: it is `PENDING` in a wave whose array was accepted (docs/decisions). */
export const TASK_STATES = ['PENDING', 'RUNNING', 'WAIT', 'DONE', 'DEAD', 'CANCELLED'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/**
 * - `PENDING`: claimable by any element of its wave
 * - `RUNNING`: owned by an attempt
 * - `WAIT`: its attempt ended without a commit; retried in a later wave, not before `notBefore`
 * - `DONE`: `win` names the committed attempt; absorbing within a generation (the arrow to `PENDING` opens the next one)
 * - `DEAD`: budgets spent; its unfinished items are failed items; like `CANCELLED` it becomes `PENDING` only in its next generation
 */
const TASK_ARROWS: Record<TaskState, readonly TaskState[]> = {
  PENDING: ['RUNNING', 'WAIT', 'DEAD', 'DONE', 'CANCELLED'],
  RUNNING: ['RUNNING', 'WAIT', 'DONE', 'DEAD', 'CANCELLED'],
  WAIT: ['PENDING', 'DONE', 'DEAD', 'CANCELLED'],
  DONE: ['PENDING'],
  DEAD: ['DONE', 'PENDING'],
  CANCELLED: ['DONE', 'PENDING'],
};

export const canTaskMove = (from: TaskState, to: TaskState): boolean => TASK_ARROWS[from].includes(to);

/** States from which `to` may be reached, for use in a write condition. */
export const taskStatesBefore = (to: TaskState): TaskState[] => TASK_STATES.filter((from) => canTaskMove(from, to));

/** True for the states that need no further work in this generation. */
export const isFinalTaskState = (state: TaskState): boolean =>
  state === 'DONE' || state === 'DEAD' || state === 'CANCELLED';

export const SUBMISSION_STATES = ['INTENT', 'SUBMITTED', 'REJECTED', 'ENDED'] as const;
/**
 * - `INTENT`: about to be sent, or sent with the answer lost
 * - `SUBMITTED`: accepted; `handle` names it
 * - `REJECTED`: refused or never arrived; nothing of it exists in the batch system
 * - `ENDED`: every element has ended and its tasks are reconciled
 */
export type SubmissionState = (typeof SUBMISSION_STATES)[number];
