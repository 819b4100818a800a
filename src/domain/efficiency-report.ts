import type { Cause } from './causes.ts';
import type { JobState } from './states.ts';

/** What `report` returns: what a job asked for, what it used of it, and what it should ask for the next time. */
export interface EfficiencyReport {
  readonly schema: 'slurmctl.report/1';
  readonly jobId: string;
  readonly name: string;
  readonly state: JobState;
  readonly scheduler: 'slurm' | 'local';
  /** The state it is about; a job that runs goes on meanwhile. */
  readonly readAt: string;
  /** For each array element, unless a failure raised it. Null while the input is being split. */
  readonly asked: { readonly cpus: number; readonly memoryBytes: number; readonly timeMs: number } | null;
  /** `measured`: of the ones with a result, those that said what they used. `elements`: array elements that any of them ran in. */
  readonly attempts: {
    readonly withResult: number;
    readonly measured: number;
    readonly failed: number;
    readonly running: number;
    readonly elements: number;
  };
  /** CPU time of the workers over length × CPUs, of measured attempts. */
  readonly cpu: { readonly usedMs: number; readonly askedMs: number; readonly share: number } | null;
  /** Most memory of each element's worker. `share`: the largest over what was asked for. */
  readonly memory: {
    readonly p50Bytes: number;
    readonly p95Bytes: number;
    readonly mostBytes: number;
    readonly share: number;
  } | null;
  /** How long elements worked on tasks, from their first to their last one. `share`: the longest over the time limit. */
  readonly time: {
    readonly p50Ms: number;
    readonly p95Ms: number;
    readonly mostMs: number;
    readonly longestTaskMs: number;
    readonly share: number;
  } | null;
  /** How long elements waited from their submission to their first task, the time to start the worker included. */
  readonly wait: { readonly p50Ms: number; readonly p95Ms: number; readonly mostMs: number } | null;
  /** Why one of the figures above is not there, a sentence each. */
  readonly missing: readonly string[];
  /** CPUs and memory that were held while attempts ran, failed and running ones included. */
  readonly cost: { readonly cpuHours: number; readonly memoryGibHours: number };
  /** Attempts that ended without a result. What they had saved was used by the next one. `share`: of the time of all attempts. */
  readonly wasted: {
    readonly attempts: number;
    readonly ms: number;
    readonly cpuHours: number;
    readonly share: number;
    readonly causes: readonly {
      readonly cause: Cause;
      readonly explanation: string;
      readonly attempts: number;
      readonly ms: number;
    }[];
  };
  /** What to change, most worth first; empty: nothing that can be seen from here. */
  readonly advice: readonly ReportAdvice[];
  readonly notes: readonly string[];
}

/** One line for the job file. */
export interface ReportAdvice {
  /** Key of the job file, such as `resources.memory`. */
  readonly key: string;
  /** As the job has it, and as it should be; both as the job file writes them. */
  readonly now: string;
  readonly value: string;
  /** The line, to stand under the first part of the key: `memory: 2G` under `resources:`. */
  readonly line: string;
  /** The same as an option of `submit`. */
  readonly option: string;
  /** What it goes by, in one sentence. */
  readonly why: string;
  /** What this job would not have held; null where nothing is saved, or nobody can say. */
  readonly saves: { readonly cpuHours: number; readonly memoryGibHours: number } | null;
}
