import type { Cause } from './causes.ts';
import type { AttemptId } from './ids.ts';

/** What `advance` decides about an attempt that ended without a commit, with what that means. */
export const ATTEMPT_DECISIONS = {
  retry: 'its task is tried again',
  escalate: 'its task is tried again with more memory or time',
  isolate: 'its task is tried again, suspects last and in ever smaller groups',
  quarantine: 'the item that killed it alone is not run any more, and the rest of its task goes on',
  'give-up': 'its task is not tried again; unfinished items count as failed',
} as const;
export type AttemptDecision = keyof typeof ATTEMPT_DECISIONS;

/** Most characters of a detail, in a task item as in a record. */
export const DETAIL_CHARS = 300;

/**
 * State item `J#<job>/H#<task>#<attempts>`: one attempt that ended without a commit, and what was decided. Written before the task moves, by its
 * attempt's number, so that a pass that is killed in between writes the same record again. Optional fields are absent, never null. At `unclaimedKey`:
 * the end of a task that no element came to, so that there was no attempt.
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

/** At `corruptKey`: the result of the attempt that had won turned out corrupt, and its task was opened again in the next generation. */
export type CorruptRecord = {
  readonly corrupt: true;
  readonly attempt: AttemptId;
  readonly generation: number;
  /** Epoch ms at which it was found. */
  readonly foundMs: number;
  /** What was found, in one line. */
  readonly detail: string;
  /** As committed. */
  readonly sha256: string;
  readonly rows: number;
};

export const isCorruptRecord = (record: AttemptRecord | CorruptRecord): record is CorruptRecord => 'corrupt' in record;

/** State item `J#<job>/E#<ulid>`: something a person did to the job. */
export type JobEvent = {
  readonly atMs: number;
  readonly kind: 'pause' | 'resume' | 'cancel' | 'retry';
  /** One line for people, with the reason they gave. */
  readonly text: string;
  /** `user@host`. */
  readonly by: string;
};
