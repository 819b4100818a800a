import type { Cause } from './causes.ts';
import type { FailureSum } from './failure-sum.ts';
import type { AttemptId } from './ids.ts';
import type { TaskState } from './states.ts';

/** Attempts in a row that may bring a task no nearer to its end, whoever pays: a node that kills everything must not loop a job for ever. */
export const MAX_IDLE_ATTEMPTS = 20;
/** Attempts a task may begin in one generation, however much each of them brings. */
export const MAX_ATTEMPTS_IN_ALL = 100;

/**
 * Tries by which an attempt ended items, and how long their handlers took together, in milliseconds; waiting for turns before a try is `waitedMs`.
 * Only of jobs with limits whose turns the worker takes: it says how many elements such a limit can feed.
 */
export type BusyTries = { readonly tries: number; readonly ms: number; readonly waitedMs: number };

/** The commit: names the one attempt whose output counts. Written once, together with `state: DONE`. */
export type Win = {
  readonly attempt: AttemptId;
  /** sha-256 (hex) of done.json. */
  readonly sha256: string;
  readonly rows: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly busy?: BusyTries;
  /** Absent: committed by a version that did not say. */
  readonly ran?: AttemptRun;
  /** The largest groups of its failed items, for display. Absent: none failed, or committed by a version that did not say. */
  readonly failures?: readonly FailureSum[];
};

/** Where and when an attempt ran (epoch ms by the clock of its node), and its CPU time as in `done.json`; for display. */
export type AttemptRun = {
  readonly node: string;
  readonly startedMs: number;
  readonly finishedMs: number;
  readonly cpuMs: number;
  /** Most memory of the worker's process up to then, its earlier tasks included, bytes. Absent: committed by a version that did not say. */
  readonly maxRssBytes?: number;
};

/** Immutable segments 1…seq of `attempt` hold the outcomes of `items` items, of which `failed` (absent: none) have failed for good. */
export type CheckpointPointer = {
  readonly attempt: AttemptId;
  readonly seq: number;
  readonly items: number;
  readonly failed?: number;
};

/**
 * The state item of a task (`J#<job>#T#<shard>/<task>`), below 1 KB. Optional fields are absent, never null.
 */
export type TaskItem = {
  readonly state: TaskState;
  /** Generation: raised when finished items are run again on purpose. */
  readonly generation: number;
  /** First wave whose elements may claim the task; those of later waves may too. */
  readonly wave: number;
  /** Number of items. */
  readonly items: number;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** Of those, begun in earlier generations, or ended by a quota or while all their items waited: they count against no bound of this one. Absent: none. */
  readonly attemptsBefore?: number;
  /** Attempts that count against `retry.attempts` (infrastructure failures do not). */
  readonly charged: number;
  /** In WAIT, until the retry is decided: the attempt that handed the task back. */
  readonly owner?: AttemptId;
  /** Node the owner runs on. */
  readonly node?: string;
  /** Epoch ms of the owner's last heartbeat. */
  readonly heartbeatMs?: number;
  /** Items finished by the owner so far, for display. */
  readonly progress?: number;
  /** Of those, failed. */
  readonly progressFailed?: number;
  /** What the owner's tries took so far. */
  readonly busy?: BusyTries;
  /** What calls of the owner waited for at its last heartbeat, for display. Absent: nothing. */
  readonly waiting?: TaskWaiting;
  /** What the owner's process had of limits at its last heartbeat, for display; at most three, the largest. Absent: nothing so far. */
  readonly holds?: readonly TaskHolding[];
  readonly checkpoint?: CheckpointPointer;
  /** Items in the checkpoint when the last retry was decided: more of them since then is progress. */
  readonly checkpointSeen?: number;
  /** Why the last attempt ended without a commit. */
  readonly cause?: Cause;
  /** One line of detail for people (bounded to 300 characters). */
  readonly causeDetail?: string;
  /** Epoch ms before which a WAIT task is not retried. Absent in WAIT: the retry is not decided yet (a worker that drains leaves that to `advance`). */
  readonly notBeforeMs?: number;
  readonly win?: Win;
  /** Epoch ms at which the owner claimed the task. */
  readonly startedMs?: number;
  /** How the last attempt's process ended, where somebody saw it: exit code, or signal number. */
  readonly exitCode?: number;
  readonly signal?: number;
  /**
   * The attempt ended in good order and left this many items for another try, none of them to run before `dueMs` (epoch ms; absent: as soon as there is
   * an element that has what they need): `cause`, `exitCode` and `signal` are of such an item's failure, not of a process. Where some of them need
   * more than there was, `dueMs` is that of the others. `rule`: name of the rule by which that item was left: it had the whole message, of which
   * `causeDetail` has the beginning. `quota`: the limit whose quota was used up, and when it was stated (`setMs` of its item): stated anew,
   * it may sell at once. Until the next claim.
   */
  readonly deferred?: {
    readonly items: number;
    readonly dueMs?: number;
    readonly rule?: string;
    readonly quota?: { readonly limit: string; readonly setMs: number };
  };
  /** Attempts end every item by its own rule and leave none for later: the failure of one that was left would have ended the others with it. */
  readonly leavesNone?: boolean;
  /**
   * Item ranges (`domain/item-ranges.ts`, numbers within the task) that had begun and not ended when the attempt ended; absent: not known.
   * Written by whoever saw the process end.
   */
  readonly inFlight?: string;
  /** Item ranges the owner is about to run, written before it begins them: set only while it goes through suspects. */
  readonly trying?: string;
  /** Item ranges of which at least one is thought to have killed an attempt; the next attempt runs them last, in ever smaller groups. */
  readonly suspects?: string;
  /** How often an attempt died while one suspect ran alone, and which one (an item range; absent: whichever runs alone next). */
  readonly strikes?: number;
  readonly strikesOf?: string;
  /** Item ranges that are not run any more: each killed attempts when it ran alone. Their outcome is `failed` with this cause. */
  readonly quarantined?: { readonly items: string; readonly cause: Cause; readonly detail: string };
  /** What elements must have asked for to claim this task; absent: `resources` of the job file. */
  readonly needs?: TaskNeeds;
  /** How often `needs` was raised. */
  readonly escalations?: number;
  /** Fingerprint of the last failure (`domain/fingerprint.ts`). */
  readonly fingerprint?: string;
  /** Attempts in a row, up to the last one decided, that brought the task no nearer to its end; one that was taken over counts as such. */
  readonly idleAttempts?: number;
  /** The record `redoKey(job, generation of the task, task)` (`domain/redo.ts`) says which items of an earlier generation are to be run again, and where the others' outcomes are. */
  readonly redo?: boolean;
  /** The plan of a `retry` that was cancelled before it got to this task: what it still sends is refused. */
  readonly redoClosed?: string;
  /** The owner's heartbeat when it was found too old, and epoch ms of that look: still the same a while later, the owner hangs. */
  readonly stalled?: { readonly heartbeatMs: number; readonly seenMs: number };
  /** How often a committed result turned out corrupt. */
  readonly corruptions?: number;
};

export type TaskNeeds = { readonly memoryBytes?: number; readonly timeMs?: number };

export type TaskWaiting = {
  readonly kind: 'limit' | 'pool';
  readonly name: string;
  /** Calls of the owner's process that waited for it. */
  readonly calls?: number;
  /** Epoch ms at which the first call expects its turn; absent: nobody can say. */
  readonly untilMs?: number;
};

/** Turns of a limit, as a process has them. */
export type TaskHolding = {
  readonly limit: string;
  /** Calls that had their turn since the process began. */
  readonly had: number;
  /** Units that are bought and not spent, and of which unit (absent: requests); absent: none. */
  readonly left?: number;
  readonly unit?: string;
  /** Epoch ms of the table's time after which nothing of `left` can be spent any more. */
  readonly untilMs?: number;
};
