import type { Cause } from './causes.ts';
import type { AttemptId } from './ids.ts';

/** What `advance` decided about an attempt that ended without a commit. */
export type AttemptDecision = 'retry' | 'escalate' | 'isolate' | 'quarantine' | 'give-up';

/**
 * State item `J#<job>/H#<task>#<attempts>`: one attempt that ended without a commit, and what was decided. Written before the task moves, by its
 * attempt's number, so that a pass that is killed in between writes the same record again. Optional fields are absent, never null.
 */
export type AttemptRecord = {
  readonly attempt?: AttemptId;
  readonly generation: number;
  readonly node?: string;
  readonly startedMs?: number;
  /** Epoch ms at which the end was judged. */
  readonly endedMs: number;
  readonly cause: Cause;
  readonly detail: string;
  readonly exitCode?: number;
  readonly signal?: number;
  readonly fingerprint?: string;
  /** Items in the checkpoint when it ended. */
  readonly savedItems: number;
  readonly decision: AttemptDecision;
  /** The rule behind the decision, as `plan` shows it: `rule 2 (job.yaml:31)`, `built-in rule for oom`. */
  readonly rule: string;
  /** One sentence for people: what happens next and why. */
  readonly why: string;
  /** False: the attempt does not count against `retry.attempts`. */
  readonly charged: boolean;
  /** Epoch ms of the retry; absent when there is none. */
  readonly notBeforeMs?: number;
  /** What the attempt had asked for. */
  readonly memoryBytes?: number;
  readonly timeMs?: number;
  /** Item ranges, see TaskItem. */
  readonly suspects?: string;
};

/** State item `J#<job>/E#<ulid>`: something a person did to the job. */
export type JobEvent = {
  readonly atMs: number;
  readonly kind: 'pause' | 'resume' | 'cancel' | 'retry';
  /** One line for people, with the reason they gave. */
  readonly text: string;
  /** `user@host`. */
  readonly by: string;
};
