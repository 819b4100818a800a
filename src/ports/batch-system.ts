import type { Cause } from '../domain/causes.ts';
import type { ResourceSpec, SlurmSpec } from '../domain/job-spec.ts';

/**
 * Runs scripts as arrays of elements somewhere else. Contract (test/contract/batch-system.contract.ts). Drivers: `slurm`, `local`.
 * A submission may be accepted with the answer lost: `submit` then throws BATCH_UNCERTAIN and the caller uses `find`.
 */
export interface BatchHandle {
  /** Job id in the batch system (of the whole array). */
  readonly id: string;
  /** Cluster name when the batch system named one. */
  readonly cluster?: string;
}

export interface SubmitRequest {
  /** Unguessable job name, by which `find` recognises a submission. Letters, digits, `.`, `-`. */
  readonly name: string;
  /** What each element execs; any bytes but NUL, quoted by the driver. */
  readonly command: readonly string[];
  /** What the element runs, with the exit status as a further argument, when the command was ended by a signal or with a status above 1. */
  readonly afterCrash?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Working directory of the elements. */
  readonly cwd: string;
  /** Directory for stdout and stderr of the elements: `<id>_<index>.out` (appended to over restarts). Exists. */
  readonly logDir: string;
  /** Indices 0…count−1; absent: one plain job (its element index is 0). */
  readonly array?: { readonly count: number; readonly throttle?: number };
  readonly resources: ResourceSpec;
  readonly slurm: Pick<SlurmSpec, 'partition' | 'account' | 'qos' | 'extra'>;
  /** Seconds before the time limit at which the elements get SIGUSR2. */
  readonly warnBeforeEndSec: number;
  /** True: the batch system may requeue elements after preemption or node failure. */
  readonly requeue: boolean;
  /** Starts when all of these have ended, however they ended. */
  readonly after?: readonly BatchHandle[];
  /** Starts this many seconds from submission at the earliest. */
  readonly beginAfterSec?: number;
  /** Nodes it must not run on; means nothing where there is one node. */
  readonly exclude?: readonly string[];
}

/** What `submit` would send: shown by `plan`, stored as evidence. */
export interface RenderedSubmission {
  /** argv of the submitting command; for the local driver a description with the same shape. */
  readonly argv: readonly string[];
  readonly script: string;
}

export interface BatchLimits {
  /** Largest array: highest index + 1. */
  readonly maxArraySize: number;
  /** Array elements of this size the partition can run at once; null when it cannot be found out. */
  readonly slots: number | null;
  /** Longest time limit of the partition in ms; null when unlimited or unknown. */
  readonly maxTimeMs: number | null;
  /** Most memory an element may ask for there, in bytes: what its largest node has, or the partition allows on one; null when unknown. */
  readonly maxMemoryBytes: number | null;
  /** Where each figure came from, for `plan` and `doctor`. */
  readonly sources: readonly { readonly name: string; readonly value: string; readonly from: string }[];
}

export interface ElementState {
  /** `BatchHandle.id` of the submission. */
  readonly id: string;
  readonly index: number;
  /**
   * `waiting` (queued, held, requeued) · `running` (also completing) · `ended` · `unknown`: no source knows it, which proves nothing
   * (accounting lags; it may be disabled). Unknown is never success.
   */
  readonly phase: 'waiting' | 'running' | 'ended' | 'unknown';
  /** For `ended`: null when it ended well (exit 0), else the cause. */
  readonly cause: Cause | null;
  readonly exitCode?: number;
  readonly signal?: number;
  readonly node?: string;
  /** How long its last run took, or is taking; absent when nobody says. */
  readonly ranMs?: number;
  readonly restarts?: number;
  /** The batch system's own word, e.g. `OUT_OF_MEMORY`, and its reason, e.g. `QOSMaxJobsPerUserLimit`; HELD for waiting elements of `hold`. */
  readonly rawState: string;
  readonly reason?: string;
}

/** A submission with elements that wait or run. */
export interface QueuedSubmission {
  readonly handle: BatchHandle;
  /** `SubmitRequest.name`, or whatever others call theirs. */
  readonly name: string;
  readonly waiting: number;
  readonly running: number;
  /** Why elements wait, in the batch system's own words, most first; of some of them nobody may have said. */
  readonly reasons: readonly { readonly reason: string; readonly elements: number }[];
}

/** `ElementState.reason` of a waiting element that `hold` keeps from starting. */
export const HELD = 'JobHeldUser';

export interface BatchSystem {
  readonly kind: 'slurm' | 'local';
  /** Does it answer? Never throws. */
  ping(): Promise<{ readonly ok: boolean; readonly version?: string; readonly detail: string }>;
  /**
   * For elements of this size, on all nodes but those excluded.
   * @throws BATCH_REFUSED for a partition that does not exist or an element that could never start in it, BATCH_UNREACHABLE
   */
  limits(request: {
    readonly partition?: string;
    readonly resources: ResourceSpec;
    readonly exclude?: readonly string[];
  }): Promise<BatchLimits>;
  render(request: SubmitRequest): RenderedSubmission;
  /** @throws BATCH_LIMIT (wait and repeat), BATCH_REFUSED (the user's error), BATCH_UNCERTAIN, BATCH_UNREACHABLE */
  submit(request: SubmitRequest): Promise<BatchHandle>;
  /**
   * Looks submissions up by name. A name missing from the answer was certainly never accepted, or ended longer ago than anybody
   * remembers. @throws BATCH_UNREACHABLE
   */
  find(names: readonly string[]): Promise<ReadonlyMap<string, BatchHandle>>;
  /** Every element of every handle, with one query for all. `count` is the array size (1 for a plain job). */
  states(
    handles: readonly (BatchHandle & { readonly count: number; readonly sinceMs: number })[],
  ): Promise<ElementState[]>;
  /**
   * Every submission of this user that waits or runs, also those of others than slurmctl, with one query. The answer may be half a minute old where
   * processes share it (`QueueView`). @throws BATCH_UNREACHABLE
   */
  queued(): Promise<QueuedSubmission[]>;
  /** Cancels waiting and running elements; ended or unknown ones are fine. */
  cancel(handle: BatchHandle, indices?: readonly number[]): Promise<void>;
  /** Keeps waiting elements from starting; running ones go on. Ended and unknown ones are fine. */
  hold(handle: BatchHandle): Promise<void>;
  release(handle: BatchHandle): Promise<void>;
  /** Sends SIGTERM to the script of every running element, once: a worker then saves its work and ends. Waiting and ended ones are left alone. */
  drain(handle: BatchHandle): Promise<void>;
  /** Changes the most elements that run at once. */
  setThrottle(handle: BatchHandle, most: number): Promise<void>;
}
