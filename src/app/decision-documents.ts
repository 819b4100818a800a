/** What `pause`, `resume` and `cancel` return. */
import type { JobState } from '../domain/states.ts';
import type { CarryDocument } from './documents.ts';

export interface PauseDocument {
  readonly schema: 'slurmctl.pause/1';
  readonly jobId: string;
  /** `PAUSED`, unless somebody resumed or cancelled the job in the same moment. */
  readonly state: JobState;
  /** False: it was paused already. */
  readonly changed: boolean;
  /** Who paused it, when, and why. */
  readonly event: EventDocument | null;
  /** Array elements that are still running: each stops after its task, with `--now` as soon as it has saved its work. */
  readonly runningElements: number;
  /** Array elements that wait and are held. */
  readonly heldElements: number;
  /** True: running elements were told to stop at once. */
  readonly draining: boolean;
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

export interface ResumeDocument {
  readonly schema: 'slurmctl.resume/1';
  readonly jobId: string;
  readonly state: JobState;
  /** False: it was not paused. */
  readonly changed: boolean;
  /** What was done, in plain sentences, in order. */
  readonly steps: readonly string[];
  /** Milliseconds until the next step can be due; null when the job is final or only Slurm has to act. */
  readonly nextDueMs: number | null;
  /** Another process was advancing the job and goes on with it: one line about it; null when this command did. */
  readonly drivenBy: string | null;
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

/** Something a person did to a job. */
export interface EventDocument {
  readonly at: string;
  readonly kind: 'pause' | 'resume' | 'cancel' | 'retry';
  /** `user@host`. */
  readonly by: string;
  /** One line, with the reason they gave. */
  readonly text: string;
}

export interface CancelDocument {
  readonly schema: 'slurmctl.cancel/1';
  readonly jobId: string;
  readonly state: JobState;
  /** Why, as it was first said. */
  readonly reason: string | null;
  readonly cancelledSubmissions: number;
  readonly tasksCancelled: number;
  /** Of these, tasks that were running: their elements have been told to end and may take a moment. */
  readonly tasksRunning: number;
  /** Who was told of it, who could not be, what a hook said, and that the page could not be stored: sentences; absent when there is nothing to say. */
  readonly told?: readonly string[];
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}
