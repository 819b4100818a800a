/**
 * What happens to a job, as one kind of record: for `events`, for hooks and for alerts. Nothing of it is stored for its own sake: an event is read off the
 * stamps that job, tasks, attempts and submissions carry anyway, so its id is made of theirs and stays the same however often it is read.
 */
import type { Cause } from './causes.ts';
import type { AttemptDecision } from './history.ts';
import type { AttemptId, TaskId } from './ids.ts';

/** Every kind of event, with what it means, in the order in which they come in a job. Kinds are added, never renamed. */
export const LIFECYCLE_KINDS = {
  submitted: 'the job was recorded',
  'array-submitted': 'the batch system accepted an array of the job',
  'array-refused': 'the batch system refused an array of the job',
  'array-throttled': 'another number of elements of an array may run at once, for the sake of a limit',
  started: 'the first attempt of the job began',
  'task-started': 'an attempt of a task began',
  'task-waiting': 'an attempt was seen waiting for a limit or a pool',
  'task-retrying': 'an attempt ended without a result, and its task is tried again',
  'task-preempted': 'the same, because a job of higher priority took the node',
  'task-failed': 'the last attempt of a task ended without a result, and its unfinished items count as failed',
  'task-completed': 'the result of a task was committed',
  'result-corrupt': 'a committed result turned out corrupt, and its task runs again',
  'failures-held-back': 'one kind of failure hit so many tasks that their retries wait for one that tries',
  'node-avoided': 'elements died on a node while others worked, so it is avoided for a while',
  'turn-waiting': 'the job waits for its turn in its group',
  'turn-taken': 'the job has its turn in its group',
  waiting: 'the job waits for something outside, such as a submit limit',
  paused: 'somebody paused the job',
  resumed: 'somebody resumed the job',
  retried: 'somebody had items of the job run again',
  cancelled: 'somebody cancelled the job',
  published: 'the output was published',
  completed: 'the job ended, and no item failed',
  'completed-with-failures': 'the job ended with no more failures than it tolerates',
  failed: 'the job ended with more failures than it tolerates, or without an output',
} as const;
export type LifecycleKind = keyof typeof LIFECYCLE_KINDS;

/** Fields that do not belong to a kind are absent, never null. */
export type LifecycleEvent = {
  /** The same for the same event, always; no two events of a job share one. */
  readonly id: string;
  readonly kind: LifecycleKind;
  /** Epoch ms, by the clock of whoever wrote it down: of tasks that of their node. */
  readonly atMs: number;
  /** False: nobody wrote down when it happened, and `atMs` is a moment by which it had. */
  readonly exact: boolean;
  /** Generation of the job, or of the task for events of tasks. */
  readonly generation: number;
  /** One line for people. */
  readonly text: string;
  readonly task?: TaskId;
  readonly attempt?: AttemptId;
  readonly node?: string;
  readonly cause?: Cause;
  readonly decision?: AttemptDecision;
  /** Items of a task that was completed, and how many of them failed. */
  readonly items?: number;
  readonly failedItems?: number;
  /** Of an array. */
  readonly wave?: number;
  readonly elements?: number;
  readonly handle?: string;
  /** `user@host` of whoever did it. */
  readonly by?: string;
  /** What is waited for: `limit api`, `pool db`, `group nightly`; of `failures-held-back` the fingerprint. */
  readonly about?: string;
};

const RANKS = new Map(Object.keys(LIFECYCLE_KINDS).map((kind, at) => [kind, at]));
const rankOf = ({ kind }: LifecycleEvent): number => RANKS.get(kind) ?? 0;

/** By time; of the same moment, kinds in the order in which they are declared, then by id: the same order at every reading. */
export const inOrder = (a: LifecycleEvent, b: LifecycleEvent): number =>
  a.atMs - b.atMs || rankOf(a) - rankOf(b) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
