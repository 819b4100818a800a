import type { AttemptId, JobId, TaskId } from '../domain/ids.ts';
import type { StateKey } from '../domain/state-keys.ts';

/** What a worker works on; enough to give the task back when the worker is dead. */
export interface BeaconTask {
  readonly job: JobId;
  readonly task: TaskId;
  readonly key: StateKey;
  readonly attempt: AttemptId;
  readonly generation: number;
  /** Number within the job of the task's first item; absent: not known yet. */
  readonly firstItem?: number;
  /** The result file (`ports/result-file.ts`) and what it is about, where others could save what is in it. */
  readonly results?: { readonly path: string; readonly batchSha256: string; readonly items: number };
  /** The file of the attempt's log (`ports/log-file.ts`); absent: there is none. */
  readonly logPath?: string;
  /** A handler that keeps the process from doing anything else for longer than this is stuck; absent: that is not watched. Milliseconds. */
  readonly stuckAfterMs?: number;
}

/** What a process leaves on its node about its work, for whoever sees it die. Costs microseconds and never throws: work matters more. */
export interface Beacon {
  enter(task: BeaconTask): void;
  /** An item of the task (0-based number within it) is being run. Returns what `end` takes. */
  begin(item: number): number;
  end(token: number): void;
  /** The task is settled: there is nothing to say of it any more. */
  leave(): void;
  /** The process ends by itself with this code; true when that is in the middle of a task. */
  exiting(code: number): boolean;
  close(): void;
}

export interface BeaconReading {
  readonly task: BeaconTask;
  /** Items that had begun and not ended, ascending. */
  readonly inFlight: readonly number[];
  /** The process ended itself with this code. */
  readonly exitCode?: number;
  /** The process was ended because the handler was stuck. */
  readonly stuck: boolean;
}

export interface Beacons {
  /** @throws SCRATCH_FULL */
  create(path: string): Beacon;
  /** Null: there is none, or it names no task. */
  read(path: string): BeaconReading | null;
}
