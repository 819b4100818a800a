import type { Cause } from './causes.ts';
import type { Grouping } from './error-grouping.ts';
import type { JobState, TaskState } from './states.ts';

/**
 * `analyze-errors`: the failures of a job in groups, largest first. A failure is an item that failed for good, or an attempt at a task that ended
 * without a result (whether or not a later attempt made up for it); the two are counted apart. While the job runs: what has been saved so far.
 */
export interface ErrorGroups {
  readonly schema: 'slurmctl.error-groups/1';
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
  readonly by: Grouping;
  /** When this was read. */
  readonly readAt: string;
  /** `output`: the items are those of the published errors; `tasks`: of the results and checkpoints of the tasks, one by one. */
  readonly source: 'output' | 'tasks';
  /** Failed items, and attempts without a result, in all groups together. */
  readonly failedItems: number;
  readonly failedAttempts: number;
  /** Items of the whole job. */
  readonly items: number;
  /** Items that have failed in attempts that run, and are not saved yet: they are in no group. */
  readonly unsavedItems: number;
  /** Most failed items first, then most failed attempts. */
  readonly groups: readonly ErrorGroup[];
  /** Smaller groups that are not listed; null when all are. */
  readonly others: { readonly groups: number; readonly items: number; readonly attempts: number } | null;
  /** What could not be read, or is not exact: sentences for people. */
  readonly notes: readonly string[];
}

export interface ErrorGroup {
  /** What its failures share, by `by`: a fingerprint, a cause, a node, the begin of a span of time (ISO-8601), a task. Unique within the document. */
  readonly key: string;
  /** The same for people, on one line: `ValueError: no licence for <str>`. */
  readonly title: string;
  readonly items: number;
  /** Of all failed items; 0 to 1. */
  readonly share: number;
  readonly attempts: number;
  /** Tasks with such a failure. */
  readonly tasks: number;
  /** Most items first. One entry with `by: fingerprint`. */
  readonly causes: readonly {
    readonly cause: Cause;
    readonly explanation: string;
    readonly items: number;
    readonly attempts: number;
  }[];
  /** Fingerprints of its failures, most items first; the first 20 of `fingerprintCount`. More than one with `by: fingerprint`: kinds that read alike were put together. */
  readonly fingerprints: readonly { readonly fingerprint: string; readonly items: number; readonly attempts: number }[];
  /** At least so many. */
  readonly fingerprintCount: number;
  /** Begin of the first and end of the last attempt in which they failed: the time of an item itself is not stored. Null where nothing is known. */
  readonly firstSeen: string | null;
  readonly lastSeen: string | null;
  /** Where they failed: nodes of the attempts that handed them in, most failures first, at most 10. */
  readonly nodes: readonly { readonly node: string; readonly items: number; readonly attempts: number }[];
  /** Spans of time in which these attempts ended, in order; those without failures are left out. */
  readonly times: readonly {
    readonly from: string;
    readonly to: string;
    readonly items: number;
    readonly attempts: number;
  }[];
  /** What stands out: sentences for people, with the figures behind them. */
  readonly correlations: readonly ErrorCorrelation[];
  /** That retries of such failures are held back, and until when: a sentence; null when none are. */
  readonly heldBack: string | null;
  /** One of its failures. */
  readonly sample: ErrorSample;
  /** What deals with it. */
  readonly remedy: ErrorRemedy;
}

export interface ErrorCorrelation {
  readonly kind: 'node' | 'time' | 'task' | 'size' | 'memory';
  /** `97 % on node n17, which ran 5 % of the items`. */
  readonly text: string;
  /** Share of the group, and of the whole job, that has this in common, 0 to 1; null where it is not a share. */
  readonly share: number | null;
  readonly expected: number | null;
}

/** Text of handlers, cut at 2,000 characters; as it was written, so that a terminal or a page must make it harmless. */
export interface ErrorSample {
  readonly task: string;
  /** Null: the sample is an attempt. */
  readonly itemId: string | null;
  readonly itemIndex: number | null;
  readonly attempt: string | null;
  readonly node: string | null;
  readonly errorClass: string | null;
  readonly message: string;
  /** End of that attempt. */
  readonly at: string | null;
  readonly taskState: TaskState;
  /** Shows its log, and its story. */
  readonly logCommand: string;
  readonly explainCommand: string;
}

export interface ErrorRemedy {
  /** What to do, in one sentence. */
  readonly advice: string;
  /** Runs these items again as they are, or with more of what they lacked; null: none of them can run again, or that would not help. */
  readonly command: string | null;
  /** Failed items that the command runs again: items of tasks that have not ended are not among them, other failures may be. */
  readonly commandItems: number;
  /** Entry for `retry.rules` of the job file that treats such failures so from the next submit on; null where the built-in rules do it already. */
  readonly rule: string | null;
}
