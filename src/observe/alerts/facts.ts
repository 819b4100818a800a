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
  /** Of the tasks that wait for a retry, those that the spent retry budget of the job lets through one at a time only. */
  readonly heldRetries: number;
  /** Milliseconds until it ends, most likely between these (`atMostMs` null: at most nobody can say); null: nobody can say anything. */
  readonly left: { readonly atLeastMs: number; readonly atMostMs: number | null } | null;
  /** Of the limits that the job uses: words such as `tokens a day of limit openai`. */
  readonly quotas: readonly { readonly words: string; readonly used: number; readonly amount: number }[];
  /** The group of failures that is most frequent, as one line; null: none. */
  readonly worst: string | null;
}

export const finishedItems = ({ items }: Pick<AlertFacts, 'items'>): number => items.succeeded + items.failed;

/** One that a person paused, or that has ended, stands still for a reason. */
const isMeantToRun = ({ state }: Pick<AlertFacts, 'state'>): boolean => !isFinalJobState(state) && state !== 'PAUSED';

/** Should items be finished now and then? */
export const isAtWork = (facts: Pick<AlertFacts, 'state'>): boolean =>
  isMeantToRun(facts) && facts.state !== 'SUBMITTING';

/** Tasks wait, and nobody runs any: for the queue, for a submit limit, for the turn of another job. */
export const isIdle = (facts: Pick<AlertFacts, 'state' | 'runningTasks' | 'queuedTasks'>): boolean =>
  isMeantToRun(facts) && facts.runningTasks === 0 && facts.queuedTasks > 0;
