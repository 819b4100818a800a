import type { Cause } from '../domain/causes.ts';

/** How fast a job has been lately, and how long the rest takes at that pace. */
export interface PaceDocument {
  /** Lately: a fifth of the life of the job, one minute to one hour. */
  readonly windowMs: number;
  /** Items a second in it; null with `unknown`. */
  readonly itemsPerSec: number | null;
  /** Most likely between these, by how much the pace varied and by what running tasks have left. `leftAtMostMs` is null where it varied too much to say. */
  readonly leftAtLeastMs: number | null;
  readonly leftAtMostMs: number | null;
  /** Why nobody can say; null where the above does. */
  readonly unknown: string | null;
}

/** Running tasks that deserve a look. */
export interface LaggardsDocument {
  /** Tasks that run more than three times the median, and tasks whose worker has not been heard of for two minutes. */
  readonly slow: number;
  readonly silent: number;
  /** Of tasks with a result; null while there are too few. */
  readonly medianMs: number | null;
  /** At most five: silent ones first, then the longest. */
  readonly tasks: readonly {
    readonly task: string;
    readonly node: string | null;
    readonly runsMs: number;
    /** Since its worker was heard of. */
    readonly silentMs: number;
    /** Items with an outcome, of how many. */
    readonly done: number;
    readonly items: number;
    readonly why: 'slow' | 'silent';
  }[];
}

/** What was asked for each element, and what attempts with a result used of it. Figures are null where nobody has said. */
export interface UsageDocument {
  readonly asked: { readonly cpus: number; readonly memoryBytes: number; readonly timeMs: number };
  readonly cpuShare: number | null;
  readonly mostMemoryBytes: number | null;
  readonly longestTaskMs: number | null;
  /** Held by attempts with a result and by running ones so far. */
  readonly cpuHours: number;
}

/** A recipient of messages about the job, or a hook of it, that could not be reached or run. */
export interface UndeliveredDocument {
  readonly kind: 'message' | 'hook';
  /** Name of a channel, an address, or the event of a hook. */
  readonly to: string;
  /** Whose settings have the channel. */
  readonly user: string;
  /** Messages that are tried again, and messages and hooks that nobody tries any more. */
  readonly waiting: number;
  readonly givenUp: number;
  /** When the oldest of them was to be told. */
  readonly sinceAt: string;
  /** Of the one that was tried most often. 0: nobody who passed over the job has this channel. */
  readonly tries: number;
  /** When the next pass tries again at the earliest; null: no try is due. */
  readonly nextAt: string | null;
  /** Why the last try failed; null: there was none. */
  readonly error: string | null;
  /** One sentence, without a full stop. */
  readonly says: string;
  /** The command that tries the channel, or shows more. */
  readonly todo: string;
}

/** Why elements wait, as Slurm said at most 30 s ago, or while it does not answer at most some minutes. */
export interface QueueDocument {
  /** Null: nothing of the job is in the queue, or nobody has an answer yet. */
  readonly askedAt: string | null;
  /** Elements of this user that run, of all jobs. */
  readonly running: number | null;
  /** Elements of this job that wait, by reason, most first: Slurm's code, what it means, and what one can do about it (null: wait). */
  readonly waiting: readonly {
    readonly reason: string;
    readonly elements: number;
    readonly says: string;
    readonly todo: string | null;
  }[];
  /** Why Slurm could not be asked. */
  readonly problem: string | null;
}

/** Failures of one kind: of items, of attempts, or both. */
export interface FailureDocument {
  /** As `retry --error` takes it. */
  readonly fingerprint: string;
  readonly cause: Cause;
  /** Tasks that wait for a retry or are dead, whose last attempt failed so, where that has been decided about. */
  readonly tasks: number;
  /** One of them; of items, the beginning of class and message. */
  readonly example: string;
  /** Failed items of finished tasks, and their share of `items.failed`, 0 to 1. */
  readonly items: number;
  readonly share: number;
  /** There may be more such items, among the `ungroupedItems`. */
  readonly atLeast: boolean;
}
