import type { Cause } from '../domain/causes.ts';
import type { AttemptDecision } from '../domain/history.ts';
import type { Standstill } from '../domain/standstill.ts';
import type { JobState, TaskState } from '../domain/states.ts';
import type { EventDocument } from './decision-documents.ts';
import type { CarryDocument, StatusDocument } from './documents.ts';
import type { QueueDocument } from './pace-documents.ts';

/** `explain`: the story of a job, of one of its tasks, or of one item. */
export interface ExplainDocument {
  readonly schema: 'slurmctl.explain/1';
  readonly about: 'job' | 'task' | 'item';
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
  readonly reason: string | null;
  /** With `about: job`; else null. */
  readonly job: ExplainedJob | null;
  /** With `about: task` and `about: item`; else null. */
  readonly task: ExplainedTask | null;
  /** With `about: item`; else null. */
  readonly item: ExplainedItem | null;
  /** For a job that lives in a spool: how far it has been carried. Absent for every other job. */
  readonly carry?: CarryDocument;
}

export interface ExplainedJob {
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly items: StatusDocument['items'];
  readonly tasks: StatusDocument['tasks'];
  /** What the job file asks for; null while the input is being split. */
  readonly asked: {
    readonly cpus: number;
    readonly memoryBytes: number;
    readonly timeMs: number;
    /** Attempts at a task that count. */
    readonly attempts: number;
    readonly partition: string | null;
  } | null;
  /** Arrays that were handed to the batch system, by wave and size. */
  readonly waves: readonly {
    readonly wave: number;
    readonly submissions: number;
    readonly elements: number;
    /** Submissions that were refused. */
    readonly refused: number;
    /** What its elements ask for, where that is not what the job asks for. */
    readonly memoryBytes: number | null;
    readonly timeMs: number | null;
    readonly sentAt: string | null;
  }[];
  /** What people did, oldest first. */
  readonly events: readonly EventDocument[];
  /** Attempts that ended without a result, by cause, most frequent first. */
  readonly failures: readonly {
    readonly cause: Cause;
    readonly explanation: string;
    readonly attempts: number;
    /** Of these, the ones that count against `retry.attempts`. */
    readonly charged: number;
    /** Words of the last one, with its task. */
    readonly example: string;
  }[];
  /** Committed results that turned out to be damaged when the output was made, so that their tasks were opened again; `example`: of the last one. */
  readonly corrupt: { readonly results: number; readonly example: string } | null;
  /** Rules that decided about these attempts, and how often to which end. */
  readonly rules: readonly { readonly rule: string; readonly decision: AttemptDecision; readonly attempts: number }[];
  /** Nodes on which attempts failed, most first. */
  readonly nodes: readonly { readonly node: string; readonly failedAttempts: number }[];
  /** Tasks that are not done and had more than one attempt, most attempts first; at most 10. */
  readonly worst: readonly { readonly task: string; readonly attempts: number; readonly state: TaskState }[];
  /** Why it, or more of it, does not run; empty for a job that has ended. */
  readonly standstill: readonly Standstill[];
  readonly retries: StatusDocument['retries'];
  /** As in `status`: why its elements wait in the queue. */
  readonly queue?: QueueDocument;
  readonly heldBack: StatusDocument['heldBack'];
  readonly avoidedNodes: StatusDocument['avoidedNodes'];
  readonly notes: StatusDocument['notes'];
  readonly keptResults: StatusDocument['keptResults'];
  readonly lateResults: StatusDocument['lateResults'];
  readonly quarantinedItems: number;
  readonly cost: { readonly attempts: number; readonly tasks: number; readonly escalations: number };
}

export interface ExplainedTask {
  readonly task: string;
  readonly state: TaskState;
  readonly generation: number;
  readonly items: number;
  /** Attempts begun, and those of them that count against `retry.attempts`. */
  readonly attemptsBegun: number;
  readonly charged: number;
  /** In order. One that was taken over by the restart of its element has the cause `requeued`. */
  readonly attempts: readonly ExplainedAttempt[];
  /** Where it stands and what comes next, in one sentence. */
  readonly next: string;
  /** Items, numbered within the task, of which one is thought to kill attempts. */
  readonly suspects: string | null;
  /** Items that killed attempts on their own. */
  readonly quarantined: { readonly items: string; readonly cause: Cause; readonly detail: string } | null;
  /** What the next attempt asks for, where a failure raised it. */
  readonly memoryBytes: number | null;
  readonly timeMs: number | null;
}

/** One attempt at a task. What is not known is null. */
export interface ExplainedAttempt {
  /** 1 for the first; of one that never was (`end: unclaimed`), the number of attempts before it. */
  readonly number: number;
  readonly generation: number;
  readonly attempt: string | null;
  /**
   * `replaced`: it was committed, and a retry has opened the task again since; `why` says who did. `undecided`: it has ended, and the next `advance`
   * decides what becomes of its task. `cancelled`: it ended because the job was cancelled. `unclaimed`: no attempt, its task was given up because no
   * element came to it. `corrupt`: it was committed, but when the output was made its result turned out to be damaged (`detail` says how), so that its
   * task was opened again.
   */
  readonly end: 'committed' | 'replaced' | 'corrupt' | 'running' | 'undecided' | 'failed' | 'cancelled' | 'unclaimed';
  readonly node: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly tookMs: number | null;
  readonly cause: Cause | null;
  readonly explanation: string | null;
  readonly detail: string | null;
  readonly exitCode: number | null;
  readonly signal: number | null;
  /** Items in its checkpoint, or in its result. */
  readonly savedItems: number | null;
  readonly decision: AttemptDecision | null;
  /** The rule that made the decision, and why, in one sentence. */
  readonly rule: string | null;
  readonly why: string | null;
  readonly charged: boolean | null;
  readonly retryAt: string | null;
  /** What it had asked for. */
  readonly memoryBytes: number | null;
  readonly timeMs: number | null;
  /** Items that were suspected when it had ended. */
  readonly suspects: string | null;
}

export interface ExplainedItem {
  readonly itemId: string;
  /** 0-based position in the input. */
  readonly itemIndex: number;
  /** Its number within the task. */
  readonly number: number;
  readonly status: 'succeeded' | 'failed' | 'unfinished';
  /** Where the outcome is: in the result of a task that is done, in a checkpoint, or nowhere because its task was given up or the item quarantined. */
  readonly from: 'result' | 'checkpoint' | 'none';
  /** Tries it got. */
  readonly attempts: number | null;
  readonly durationMs: number | null;
  readonly errorClass: string | null;
  readonly errorMessage: string | null;
  readonly cause: Cause | null;
  readonly explanation: string | null;
  /** The rule by which its last try was the last, and what it says. */
  readonly rule: { readonly name: string; readonly says: string } | null;
  /** Where it stands, in one sentence. */
  readonly standing: string;
}
