/** The question that `advance` puts to the retry planner about an attempt that ended without a commit, and its answer. */
import type { ElementSize } from './element-size.ts';
import type { AttemptDecision } from './history.ts';
import type { RetrySpec } from './job-spec.ts';
import type { FailureFacts, RetryRule } from './retry-rules.ts';
import type { TaskItem } from './task-item.ts';

/** What the planner may change of a task; a field that is absent in an answer is removed (`attemptsBefore` then stays). */
export type TaskPlan = Pick<
  TaskItem,
  | 'suspects'
  | 'strikes'
  | 'strikesOf'
  | 'quarantined'
  | 'needs'
  | 'escalations'
  | 'idleAttempts'
  | 'leavesNone'
  | 'attemptsBefore'
>;

export interface RetryQuestion {
  readonly task: TaskPlan &
    Pick<
      TaskItem,
      'items' | 'attempts' | 'charged' | 'checkpoint' | 'checkpointSeen' | 'inFlight' | 'trying' | 'deferred'
    >;
  readonly failure: FailureFacts;
  /** The process died over it: it did not hand the task back itself. */
  readonly died: boolean;
  /** The one retry by which it is tried whether a common trouble is over: it pays for all, so that it costs nothing. */
  readonly isCanary: boolean;
  /** In the order they are asked; the last one matches everything. */
  readonly rules: readonly RetryRule[];
  readonly policy: Pick<RetrySpec, 'attempts' | 'backoff'>;
  /** What the job file asks for. */
  readonly resources: ElementSize;
  /** The most that an element can get; null: not known. */
  readonly most: { readonly [Part in keyof ElementSize]: number | null };
  /** Uniform in [0, 1). */
  readonly random: number;
}

export interface RetryDecision {
  readonly decision: AttemptDecision;
  /** Name of the rule that decided. */
  readonly rule: string;
  /** For people: what happens next and why. */
  readonly why: string;
  /** Wait before the retry; 0 when there is none. */
  readonly delayMs: number;
  /** False: the attempt is given back and does not count against `retry.attempts`. */
  readonly charged: boolean;
  readonly plan: TaskPlan;
}
