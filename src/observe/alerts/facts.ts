/** What rules are judged by: one look at a job. */
import type { AlertEvent } from '../../domain/alert-items.ts';
import type { JobId } from '../../domain/ids.ts';
import { isFinalJobState, type JobState } from '../../domain/states.ts';

export interface AlertFacts {
  readonly nowMs: number;
  readonly job: JobId;
  readonly name: string;
  readonly state: JobState;
  readonly generation: number;
  /** Why it is in its state, where somebody said so. */
  readonly reason: string | null;
  /** Epoch ms of the submit, or of the `retry` that opened this generation. */
  readonly beganMs: number;
  readonly items: AlertEvent['items'];
  readonly runningTasks: number;
  /** Tasks that elements could take, if there were any. */
  readonly queuedTasks: number;
  readonly retryingTasks: number;
  readonly timedOutTasks: number;
  readonly givenUpTasks: number;
  /** Milliseconds until it is expected to end; null: nobody can say. */
  readonly etaMs: number | null;
  /** Of the limits that the job uses: words such as `tokens a day of limit openai`. */
  readonly quotas: readonly { readonly words: string; readonly used: number; readonly amount: number }[];
  /** The group of failures that is most frequent, as one line; null: none. */
  readonly worst: string | null;
}

export const finishedItems = ({ items }: Pick<AlertFacts, 'items'>): number => items.succeeded + items.failed;

/** Is it the job's turn to do something? One that a person paused, or that has ended, stands still for a reason. */
export const isAtWork = ({ state }: Pick<AlertFacts, 'state'>): boolean =>
  !isFinalJobState(state) && state !== 'PAUSED' && state !== 'SUBMITTING';
