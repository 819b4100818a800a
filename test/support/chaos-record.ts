/** What was done to a run, whom it hit, and what the state said of that afterwards. */
import type { Cause } from '../../src/domain/causes.ts';
import type { TaskId } from '../../src/domain/ids.ts';
import type { Fault, FaultKind } from './chaos-plan.ts';

/** An attempt that was running when a fault hit it. */
export interface Victim {
  readonly attempt: string;
  /** The task it owned; null between two tasks. */
  readonly task: TaskId | null;
  /** ms until the task item no longer said that this attempt runs it; null: it committed, or nobody looked any more. */
  noticedMs: number | null;
  /** ms until slurmctld wrote that the element's run was over; null: it did not. */
  slurmMs: number | null;
  /** What became of the attempt, as the task item showed it. */
  fate: 'unknown' | 'released' | 'taken-over' | 'committed' | 'given-up';
  cause: Cause | null;
  detail: string;
}

export interface Injected {
  readonly fault: Fault;
  /** Epoch ms. */
  readonly fromMs: number;
  /** Epoch ms at which it was over, as far as whoever did it knows. */
  untilMs: number;
  /** Set for faults of a whole node. */
  readonly node: string | null;
  readonly victims: readonly Victim[];
  readonly what: string;
}

/**
 * Causes that a fault may have in the history. More than one where Slurm itself cannot tell: it shows a requeued element as waiting under a higher
 * restart count, whoever requeued it, and the worker that got the SIGTERM takes it for preemption; a dead node's elements are requeued, too,
 * and what still runs of them when the node comes back is told to leave by SIGTERM.
 */
export const ALLOWED: Readonly<Record<FaultKind, readonly Cause[]>> = {
  'kill-worker': ['killed'],
  'kill-node': ['node-fail', 'requeued', 'preempted'],
  'restart-controller': [],
  requeue: ['requeued', 'preempted'],
  preempt: ['preempted', 'requeued'],
  scancel: ['cancelled-by-user'],
  'kill-advance': [],
  freeze: [],
};
