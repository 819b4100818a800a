import type { Cause } from '../domain/causes.ts';
import type { ItemCounts, SubmissionItem, TaskCounts } from '../domain/job-item.ts';
import type { JobState } from '../domain/states.ts';
import type { Standstill } from '../domain/standstill.ts';
import type {
  FailureDocument,
  LaggardsDocument,
  PaceDocument,
  QueueDocument,
  UndeliveredDocument,
  UsageDocument,
} from './pace-documents.ts';
import type { TurnDocument } from './turn-document.ts';
import type { Problem } from '../errors/app-error.ts';
import type { EventDocument } from './decision-documents.ts';

/**
 * What commands return: plain data, printed as a screen or, with `--json`, as one document. Each is versioned by `schema`; fields are added,
 * never renamed or removed within a version. Times are ISO-8601 UTC, durations milliseconds, sizes bytes.
 */
export interface StatusDocument {
  readonly schema: 'slurmctl.status/1';
  readonly job: {
    readonly id: string;
    readonly name: string;
    readonly state: JobState;
    /** One line for FAILED, CANCELLED, and for a job that waits for something (a submit limit, a retry time). */
    readonly reason: string | null;
    readonly createdAt: string;
    readonly finishedAt: string | null;
    readonly scheduler: 'slurm' | 'local';
    readonly wave: number;
    /** How often parts of the job were opened again by `retry`; 0 before. */
    readonly generation: number;
  };
  readonly items: ItemCounts;
  readonly tasks: TaskCounts;
  /** Items that finished per second over the life of the job; null before the first, and for a cancelled job. */
  readonly itemsPerSec: number | null;
  /** What is left at that speed; null before the first item and at the end. `pace` is the better judgement. */
  readonly etaMs: number | null;
  /** How fast it has been lately and how long the rest takes at that pace. Null for a job that has ended. */
  readonly pace: PaceDocument | null;
  /** Running tasks that deserve a look. Null for a job that has ended. */
  readonly laggards: LaggardsDocument | null;
  /** Null where tasks were not read, as of a job that ended without dead tasks, whose `report` has it, and for jobs of older versions. */
  readonly usage: UsageDocument | null;
  /** Why elements wait in the queue, for a live job on Slurm. Absent otherwise. */
  readonly queue?: QueueDocument;
  /** Why it, or more of it, does not run, as in `explain`; empty for a job that has ended. */
  readonly standstill: readonly Standstill[];
  /** Whom messages about the job did not reach, and its hooks that failed. Looked up where its state is. */
  readonly undelivered: readonly UndeliveredDocument[];
  /** Tasks that wait for a retry or are dead, by cause, most frequent first. */
  readonly causes: readonly {
    readonly cause: Cause;
    readonly tasks: number;
    readonly explanation: string;
    readonly example: string;
  }[];
  /**
   * The three largest groups of failures, by the items that failed so and the items that attempts which failed so have left. `analyze-errors` knows
   * all groups, and where and why.
   */
  readonly failures: readonly FailureDocument[];
  /**
   * Failed items that nothing counts to a group: each task tells of its three largest ones when it is finished, and tasks that are finished by older
   * versions, that run or that are dead tell of none.
   */
  readonly ungroupedItems: number;
  /** Tasks that wait for a retry, by why they failed, most frequent first. */
  readonly retries: readonly {
    readonly cause: Cause;
    readonly tasks: number;
    /** Of these, tasks of which the next `advance` decides what becomes of them. */
    readonly undecided: number;
    /** When the first of the others is due, and in how many ms (0: it is due); null when none is decided. */
    readonly firstAt: string | null;
    readonly firstInMs: number | null;
    /** The most that one of them asks for next, where a failure raised it; else null. */
    readonly memoryBytes: number | null;
    readonly timeMs: number | null;
  }[];
  /** Attempts begun, tasks that had at least one, and how often a task was given more memory or time. Null for a job that ended without dead tasks. */
  readonly cost: { readonly attempts: number; readonly tasks: number; readonly escalations: number } | null;
  /** Items that killed attempts on their own and are not run any more. */
  readonly quarantinedItems: number;
  /** Tasks that run in ever smaller groups of items, to find the one that kills attempts. */
  readonly isolatingTasks: number;
  /** Limits and pools that running tasks waited for when their workers were last heard of, most tasks first. */
  readonly waits: readonly {
    readonly kind: 'limit' | 'pool';
    readonly name: string;
    readonly tasks: number;
    /** When the first of them expects its turn, and in how many ms (0: it is due); null when nobody can say. */
    readonly nextAt: string | null;
    readonly nextInMs: number | null;
  }[];
  /** Kinds of failure that hit so many tasks that their retries are held back, while one task tries whether the trouble is over. */
  readonly heldBack: readonly {
    readonly fingerprint: string;
    readonly cause: Cause;
    readonly tasks: number;
    readonly example: string;
    /** The task that tries; null: none at the moment. */
    readonly canary: string | null;
    /** When the next one tries; null while one does. */
    readonly nextAt: string | null;
  }[];
  /** For a live job of a group (`concurrency`): who runs, and where it stands. Absent for every other job. */
  readonly turn?: TurnDocument;
  /** Nodes that later submissions avoid, because elements died there while others worked. */
  readonly avoidedNodes: readonly { readonly node: string; readonly until: string; readonly why: string }[];
  /** What the last pass over the job found out about its retries and failures: sentences for people. */
  readonly notes: readonly string[];
  /** Finished results that could not be stored or committed; `advance` takes them up, or `aggregate` once the job has ended. */
  readonly keptResults: number;
  /** Tasks that were finished after the output was published, which counts their items as failed; `aggregate` makes one that has them. */
  readonly lateResults: number;
  /** The last pause, resume or cancel; null when there was none. */
  readonly lastEvent: EventDocument | null;
  readonly submissions: readonly (Pick<SubmissionItem, 'state' | 'kind' | 'jobName' | 'wave' | 'elements'> & {
    readonly handle: string | null;
    readonly reason: string | null;
  })[];
  /** Path or URL of the published Parquet file; null before. */
  readonly output: string | null;
  /** Generation of the job that published it: below `job.generation` while a retry has not published yet. Null without an output. */
  readonly outputGeneration: number | null;
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

/** How far the copy of a spooled job is. */
export interface CarryDocument {
  /** `spool`: the rest of the document is the truth. `copy`: the rest of the document is the copy, as old as `ageMs` says. */
  readonly seenFrom: 'spool' | 'copy';
  /** Host that carried last, and the spool as it sees it: where the job can be changed. */
  readonly host: string;
  readonly directory: string;
  /** The copy is at least as new as this; null: nothing has been carried yet. */
  readonly upTo: string | null;
  readonly ageMs: number | null;
  /** Tasks whose final state has been carried with all its files, of how many. */
  readonly tasks: number;
  readonly total: number;
  /** The job is over and nothing is missing in the copy. */
  readonly complete: boolean;
  /** Why the last carry did not come to its end; null when it did. */
  readonly problem: string | null;
  /** Carried all the same, with less than there should have been: one sentence each, the latest few. Known in the spool only. */
  readonly notes: readonly string[];
}

export interface ListDocument {
  readonly schema: 'slurmctl.list/1';
  readonly jobs: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: JobState;
    readonly reason: string | null;
    readonly createdAt: string;
    /** Who submitted it; null: a version of slurmctl that did not say. */
    readonly user: string | null;
    readonly items: ItemCounts;
  }[];
  /** Jobs that fit and are not listed, because of `--limit`. */
  readonly more: number;
  /** What could not be looked at; absent when everything could. */
  readonly notes?: readonly string[];
}

export interface PlanDocument {
  readonly schema: 'slurmctl.plan/1';
  readonly name: string;
  readonly scheduler: 'slurm' | 'local';
  readonly schedulerFrom: string;
  readonly home: string;
  readonly items: number;
  readonly bytes: number;
  readonly tasks: number;
  readonly badRecords: number;
  /** Array elements of wave 0 and how that figure came about, in plain words. */
  readonly elements: number;
  readonly elementsReason: string;
  /** One a submission, in order; the exact command and script. */
  readonly submissions: readonly {
    readonly elements: number;
    readonly argv: readonly string[];
    readonly script: string;
  }[];
  readonly limits: readonly { readonly name: string; readonly value: string; readonly from: string }[];
  /** What is done about failures: the first rule that matches decides. The job's own rules come first, then the built-in ones. */
  readonly rules: readonly {
    /** `rule 1 (job.yaml:12)`, `built-in rule for oom`. */
    readonly name: string;
    /** All that are there must hold, each for any of its values; none: every failure. Signals are numbers. */
    readonly when: {
      readonly cause?: readonly Cause[];
      readonly exit?: readonly number[];
      readonly signal?: readonly number[];
      readonly error?: readonly string[];
    };
    readonly do: 'retry' | 'escalate' | 'fail';
    /** `when` and what is done, in words. */
    readonly condition: string;
    readonly action: string;
    /** Names of earlier rules that between them decide about every failure it is about, so that it never gets a turn; else empty. */
    readonly coveredBy: readonly string[];
  }[];
  readonly warnings: readonly Problem[];
}

export interface SubmitDocument {
  readonly schema: 'slurmctl.submit/1';
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
  readonly scheduler: 'slurm' | 'local';
  readonly schedulerFrom: string;
  readonly items: number;
  readonly tasks: number;
  readonly elements: number;
  readonly submissions: readonly { readonly handle: string; readonly elements: number }[];
  /** Set when the batch system made us wait and the rest of the submission is left to `advance`. */
  readonly waitingFor: string | null;
  /** Rate limits of the site that the job uses. `isNew`: the job's figures became the site's. Absent: none. */
  readonly limits?: readonly {
    readonly name: string;
    readonly figures: string;
    readonly isNew: boolean;
    /** Who stated them. */
    readonly source: string;
  }[];
  /** Pools of the site that the job uses; `isNew` as for limits. Absent: none. */
  readonly pools?: readonly {
    readonly name: string;
    readonly slots: number;
    readonly isNew: boolean;
    readonly source: string;
  }[];
  /** The group of the job (`concurrency`), of which at most `max` run at a time; `isNew` as for limits. Absent: none. */
  readonly concurrency?: {
    readonly group: string;
    readonly max: number;
    readonly isNew: boolean;
    readonly source: string;
  };
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

/** What one reconcile pass did. */
export interface AdvanceDocument {
  readonly schema: 'slurmctl.advance/1';
  readonly jobId: string;
  readonly state: JobState;
  /** Plain sentences, in order: "task 000012: node-fail on n2, retried in wave 1". */
  readonly steps: readonly string[];
  /** Milliseconds until the next step can be due; null when the job is final or only Slurm has to act. */
  readonly nextDueMs: number | null;
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

export interface TickDocument {
  readonly schema: 'slurmctl.tick/1';
  readonly jobs: readonly (Omit<AdvanceDocument, 'schema'> & { readonly error: string | null })[];
  /** What could not be looked at; absent when everything could. */
  readonly notes?: readonly string[];
}

/** What `retry` runs again, or with `--dry-run` would. */
export interface RetryDocument {
  readonly schema: 'slurmctl.retry/1';
  readonly jobId: string;
  readonly dryRun: boolean;
  readonly state: JobState;
  /** Generation of the job that runs them; the present one when there is nothing to run again. */
  readonly generation: number;
  /** Items that run again, and the tasks they belong to. 0: there was nothing to run again, and nothing was changed. */
  readonly items: number;
  readonly tasks: number;
  /** Of these items, the ones that had succeeded: they were named. */
  readonly succeeded: number;
  /** The others by what they failed of, most frequent first. An item of a task that was given up failed of what the task failed of. */
  readonly causes: readonly { readonly cause: Cause; readonly items: number; readonly tasks: number }[];
  /** The same by fingerprint, for `--error`; `example` is the message of one of them. */
  readonly errors: readonly {
    readonly fingerprint: string;
    readonly cause: Cause;
    readonly items: number;
    readonly example: string;
  }[];
  /** Tasks that were meant as well but have not ended yet, and are left alone. */
  readonly unfinished: number;
  /** What `--memory` and `--time` ask for; null: as before. */
  readonly memoryBytes: number | null;
  readonly timeMs: number | null;
  /** Array elements submitted for it so far, or with `--dry-run` the number that would be. */
  readonly elements: number;
  readonly submissions: readonly { readonly handle: string; readonly elements: number }[];
  /** Set when the batch system made us wait and the rest is left to `advance`. */
  readonly waitingFor: string | null;
  /** Path or URL of what was published before: it stays until the retry publishes. Null without. */
  readonly output: string | null;
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

export interface AggregateDocument {
  readonly schema: 'slurmctl.aggregate/1';
  readonly jobId: string;
  readonly publication: string;
  /** False when the same output was published already. */
  readonly published: boolean;
  readonly path: string;
  readonly rows: number;
  readonly failed: number;
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

export interface ResultsDocument {
  readonly schema: 'slurmctl.results/1';
  readonly jobId: string;
  /** Of the Parquet file; the address of the object when the store is no directory; with `--download` the file it was copied to. */
  readonly path: string;
  readonly errorsPath: string;
  /** Length of the Parquet file. */
  readonly bytes: number;
  readonly rows: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

export interface DoctorDocument {
  readonly schema: 'slurmctl.doctor/1';
  readonly ok: boolean;
  readonly checks: readonly {
    readonly name: string;
    readonly verdict: 'ok' | 'warn' | 'fail';
    /** What was found. */
    readonly found: string;
    /** What to do; null for ok. */
    readonly remedy: string | null;
  }[];
  /** Every setting with where it came from. */
  readonly settings: readonly { readonly name: string; readonly value: string; readonly from: string }[];
}

export interface GcDocument {
  readonly schema: 'slurmctl.gc/1';
  readonly dryRun: boolean;
  /** One line a job or orphan: what was (or would be) removed. */
  readonly removed: readonly { readonly what: string; readonly objects: number; readonly bytes: number }[];
}

export interface InitDocument {
  readonly schema: 'slurmctl.init/1';
  readonly example: string;
  readonly directory: string;
  readonly files: readonly string[];
}

/** What was asked of a service by one operation, repetitions included. */
export interface RequestCount {
  /** `s3`, `dynamodb` or `sqs`. */
  readonly service: string;
  /** By the service's name for it: `PutObject`. */
  readonly operation: string;
  readonly requests: number;
  /** Of those, answered with "too fast". */
  readonly throttled: number;
  /** Of those, failed in another way. A refused condition is an answer. */
  readonly failed: number;
  /** Sum of the times until the answer. */
  readonly ms: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Capacity units as DynamoDB reports them. */
  readonly readUnits: number;
  readonly writeUnits: number;
}

/** One line of `logs`: of the handler or worker (`source: attempt`), or the raw output of an array element (`source: element`). */
export interface LogLine {
  readonly source: 'attempt' | 'element';
  readonly task: string | null;
  readonly attempt: string | null;
  /** File or key the line comes from. */
  readonly origin: string;
  /** What the line says of itself; null where it does not, as raw output. */
  readonly time: string | null;
  readonly level: 'debug' | 'info' | 'warn' | 'error' | null;
  readonly item: string | null;
  readonly text: string;
}
