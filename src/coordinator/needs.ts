import type { JobId } from '../domain/ids.ts';
import type { BackendUrls, JobSpec } from '../domain/job-spec.ts';
import type { WorkerAssignment } from '../domain/manifest.ts';
import type { BreakerItem, BreakerSight, BudgetCounts } from '../domain/breaker.ts';
import type { RetryDecision, RetryQuestion } from '../domain/retry-decision.ts';
import type { TaskItem } from '../domain/task-item.ts';
import type { BatchSystem } from '../ports/batch-system.ts';
import type { Clock } from '../ports/clock.ts';
import type { Host } from '../ports/host.ts';
import type { IdLedgers } from '../ports/id-ledger.ts';
import type { InputSources } from '../ports/input-source.ts';
import type { Log } from '../ports/log.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Ids, Random } from '../ports/random.ts';
import type { RetryQueue } from '../ports/retry-queue.ts';
import type { StateTable } from '../ports/state-table.ts';

/** retry: what becomes of tasks whose attempts end without a commit. Pure. */
export interface RetryPlanner {
  readonly decideRetry: (question: RetryQuestion) => RetryDecision;
  /** Does this waiting task do the same again that failed, at the user's cost? */
  readonly isPlainRetry: (task: Pick<TaskItem, 'cause' | 'suspects' | 'idleAttempts'>) => boolean;
  /** The breaker of one kind of failure after this pass; null: there is nothing worth storing. */
  readonly stepBreaker: (stored: BreakerItem | null, sight: BreakerSight) => BreakerItem | null;
  /** Plain retries that may begin. */
  readonly retriesAllowed: (counts: BudgetCounts) => number;
}

/** What the coordinator needs of other rooms, as narrow functions; `app` plugs them in. */
export interface CoordinatorNeeds {
  readonly planner: RetryPlanner;
  /**
   * aggregator: merges and publishes; `fenced` is awaited right before the pointer moves. `onWait` is told now and then, in one line, what it waits
   * for, and null when it does not any more.
   */
  readonly aggregate: (request: {
    readonly job: JobId;
    readonly fenced: () => Promise<void>;
    readonly onWait: (what: string | null) => void;
  }) => Promise<{
    readonly publication: string;
    readonly succeeded: number;
    readonly failed: number;
  }>;
  /** worker: stores and commits finished work that its elements could not report. One sentence for each such result. */
  readonly adoptSpilled: (request: { readonly job: JobId; readonly shards: number }) => Promise<readonly string[]>;
  /** worker: argv that an array element execs. */
  readonly workerCommand: (assignment: WorkerAssignment, backends: BackendUrls) => readonly string[];
  /** cli: argv of the job that runs `advance` when arrays have ended. */
  readonly advanceCommand: (job: JobId, backends: BackendUrls) => readonly string[];
  /** Directory for the output of a job's elements, or of its finalisers; created when missing. */
  readonly elementLogDir: (job: JobId, backends: BackendUrls, kind: 'array' | 'finaliser') => Promise<string>;
}

export interface CoordinatorDeps extends CoordinatorNeeds {
  readonly store: ObjectStore;
  readonly state: StateTable;
  readonly queue: RetryQueue;
  readonly batch: BatchSystem;
  readonly inputs: InputSources;
  readonly ledgers: IdLedgers;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly host: Host;
  readonly log: Log;
  readonly version: string;
  /** Id in the batch system of the job this process runs in (a finaliser), if any. */
  readonly ownBatchJobId: string | null;
}

/** Facts of a new job that come from outside the coordinator. */
export interface NewJob {
  readonly spec: JobSpec;
  readonly backends: BackendUrls;
  /** The job file's text. */
  readonly jobText: string;
  readonly handlerSha256: string | null;
}
