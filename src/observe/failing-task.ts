/** What is grouped: the failures of one task, with where and when they came about. */
import type { Cause } from '../domain/causes.ts';
import type { TaskId } from '../domain/ids.ts';
import type { TaskState } from '../domain/states.ts';

/** Where and when an attempt ran; null where nobody knows. */
export interface Whereabouts {
  readonly attempt: string | null;
  readonly node: string | null;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  /** What its element had asked for. */
  readonly memoryBytes: number;
  readonly timeMs: number;
}

export interface FailingItem {
  /** Number within the task. */
  readonly item: number;
  readonly itemId: string;
  readonly cause: Cause;
  readonly errorClass: string;
  readonly message: string;
  readonly fingerprint: string;
}

/** An attempt that ended without a result. */
export interface FailingAttempt extends Whereabouts {
  readonly cause: Cause;
  readonly message: string;
  readonly fingerprint: string;
}

/** What is told of a task with a failure that stands for its group. */
export interface TaskOfFailure {
  readonly task: TaskId;
  readonly state: TaskState;
  /** Index of its first item in the job. */
  readonly firstItem: number;
}

export interface FailingTask extends TaskOfFailure {
  /** Can its failed items run again at once? It has ended. */
  readonly hasEnded: boolean;
  /** Of the attempt that handed its items in. */
  readonly where: Whereabouts;
  readonly items: readonly FailingItem[];
  readonly attempts: readonly FailingAttempt[];
}

/** One failure that stands for its group: an item rather than an attempt, and of these the first in the input. */
export interface Sample {
  readonly task: TaskOfFailure;
  readonly where: Whereabouts;
  readonly cause: Cause;
  readonly errorClass: string | null;
  readonly message: string;
  readonly item: Pick<FailingItem, 'item' | 'itemId'> | null;
}
