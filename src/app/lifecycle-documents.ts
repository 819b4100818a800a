/** What `events` prints. */
import type { Cause } from '../domain/causes.ts';
import type { AttemptDecision } from '../domain/history.ts';
import type { LifecycleKind } from '../domain/lifecycle-event.ts';

/**
 * `events`: one document a line of output, in the order of `at`; with `--follow`, what is found out later comes later. Fields that do not belong to a
 * kind are absent.
 */
export interface LifecycleEventDocument {
  readonly schema: 'slurmctl.event/1';
  readonly jobId: string;
  /** The same for the same event at every reading, and of no other event of this job. */
  readonly id: string;
  readonly kind: LifecycleKind;
  /** By the clock of whoever wrote it down: of tasks that of their node. */
  readonly at: string;
  /** False: nobody wrote down when it happened, and `at` is a moment near it that may be another at the next reading. */
  readonly exact: boolean;
  /** Of the job, or of the task for events of tasks: how often `retry` had opened it again. */
  readonly generation: number;
  /** One line for people. */
  readonly text: string;
  readonly task?: string;
  readonly attempt?: string;
  readonly node?: string;
  readonly cause?: Cause;
  readonly decision?: AttemptDecision;
  /** Items of a task that was completed, and how many of them failed. */
  readonly items?: number;
  readonly failedItems?: number;
  /** Of an array: its wave, its elements, and its id in the batch system. */
  readonly wave?: number;
  readonly elements?: number;
  readonly handle?: string;
  /** `user@host` of whoever did it. */
  readonly by?: string;
  /** What is waited for, such as `limit api`, `pool db`, `group nightly`; of `failures-held-back` the fingerprint. */
  readonly about?: string;
}
