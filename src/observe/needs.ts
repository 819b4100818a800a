/** What the room is given by the app: the facts of one job, read when they are asked for. */
import type { BreakerItem } from '../domain/breaker.ts';
import type { ItemFailure } from '../domain/failure-fingerprints.ts';
import type { AttemptRecord, CorruptRecord } from '../domain/history.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import type { JobState } from '../domain/states.ts';
import type { TaskItem } from '../domain/task-item.ts';

export interface ObservedJob {
  readonly id: JobId;
  readonly name: string;
  readonly state: JobState;
  readonly createdMs: number;
  /** Absent while it lives. */
  readonly finishedMs?: number;
  readonly items: number;
  /** What its elements ask for unless a failure raised it. */
  readonly memoryBytes: number;
  readonly timeMs: number;
  /** Can `retry` run items of it again from here? Else why not, as a sentence. */
  readonly whyNoRetry: string | null;
}

export interface ObservedTask {
  readonly task: TaskId;
  readonly item: TaskItem;
}

export interface FailedItem extends ItemFailure {
  /** Number within the task. */
  readonly item: number;
  readonly itemId: string;
}

/** The failed items of one task that are saved. */
export interface TaskFailures extends ObservedTask {
  /** Index of its first item in the job. */
  readonly firstItem: number;
  readonly failed: readonly FailedItem[];
}

export interface ErrorSources {
  readonly job: ObservedJob;
  readonly nowMs: number;
  readonly source: 'output' | 'tasks';
  /** Every task, in order. */
  readonly tasks: readonly ObservedTask[];
  /** Attempts that ended without a commit. */
  readonly records: AsyncIterable<{ readonly task: TaskId; readonly record: AttemptRecord | CorruptRecord }>;
  /** Each task at most once. */
  readonly failures: AsyncIterable<TaskFailures>;
  /** By fingerprint. */
  readonly breakers: ReadonlyMap<string, BreakerItem>;
  /** Bytes of each item of a task in its batch; null when that cannot be read. */
  readonly itemBytes: (task: TaskId) => Promise<readonly number[] | null>;
  /** What could not be read: filled while `failures` is read. */
  readonly notes: readonly string[];
}
