import type { ElementSize } from './element-size.ts';
import type { AttemptId, JobId, SubmissionId, TaskId } from './ids.ts';
import type { BackendUrls, JobSpec } from './job-spec.ts';
import type { ColumnType } from './output-columns.ts';

/** Every stored manifest says what it is, so that a reader of another version refuses instead of guessing. */
export const MANIFEST_SCHEMAS = {
  request: 'slurmctl.job-request/1',
  job: 'slurmctl.job-manifest/1',
  task: 'slurmctl.task-manifest/1',
  wave: 'slurmctl.wave/1',
  done: 'slurmctl.done/1',
  publication: 'slurmctl.publication/1',
  final: 'slurmctl.final/1',
  redoPlan: 'slurmctl.redo-plan/1',
  redo: 'slurmctl.redo/1',
} as const;

/** `jobs/<job>/request.json`, the first thing a submit writes. */
export interface JobRequest {
  readonly schema: typeof MANIFEST_SCHEMAS.request;
  readonly job: JobId;
  readonly createdMs: number;
  readonly spec: JobSpec;
  readonly backends: BackendUrls;
  /** sha-256 (hex) of the canonical JSON of {spec, backends}; equals META.specHash. */
  readonly specHash: string;
  /** sha-256 (hex) of the handler module or command file at submit, for provenance; null when not a file. */
  readonly handlerSha256: string | null;
  /** Version of slurmctl that wrote this. */
  readonly version: string;
}

/** `jobs/<job>/manifest.json`, written once when the input is split. */
export interface JobManifest extends Omit<JobRequest, 'schema'> {
  readonly schema: typeof MANIFEST_SCHEMAS.job;
  /** sha-256 (hex) over the task batches' sha-256 in order: equal inputs split equally give equal digests. */
  readonly inputDigest: string;
  readonly counts: {
    readonly items: number;
    readonly tasks: number;
    readonly bytes: number;
    readonly badRecords: number;
  };
  readonly shards: number;
}

/** `jobs/<job>/tasks/<task>.json` */
export interface TaskManifest {
  readonly schema: typeof MANIFEST_SCHEMAS.task;
  readonly task: TaskId;
  readonly batch: { readonly key: string; readonly sha256: string; readonly bytes: number };
  /** 0-based ordinal of the first item; items are consecutive: line n of the batch is item `firstItem + n`. */
  readonly firstItem: number;
  readonly items: number;
  /** Lines that are not valid records (`input.onBadRecord: fail-item`): 0-based line in the batch and what is wrong with it. */
  readonly bad: readonly { readonly line: number; readonly message: string }[];
}

/** `jobs/<job>/waves/<wave>.json`: tasks of a wave after wave 0. */
export interface WaveManifest {
  readonly schema: typeof MANIFEST_SCHEMAS.wave;
  readonly wave: number;
  /** Group by group. */
  readonly tasks: readonly TaskId[];
  /** Groups of tasks that ask for different resources, one after the other in `tasks`. Absent: one group with what the job asks for. */
  readonly groups?: readonly WaveGroup[];
}

/** Tasks of a wave that ask for the same; their elements go out as submissions of their own, with a stride of their own. */
export interface WaveGroup extends ElementSize {
  /** Number of tasks. */
  readonly count: number;
}

/** What a column held in one task, by JavaScript type; the union over tasks gives the inferred type (`output: infer`). */
export interface ColumnObservation {
  readonly kinds: readonly ('null' | 'bool' | 'int' | 'bigint' | 'double' | 'string' | 'json')[];
}

/** `attempts/<task>/<attempt>/done.json`: the sealed attempt. Its sha-256 is in the task's `win`. */
export interface DoneManifest {
  readonly schema: typeof MANIFEST_SCHEMAS.done;
  readonly job: JobId;
  readonly task: TaskId;
  readonly attempt: AttemptId;
  readonly generation: number;
  readonly batchSha256: string;
  readonly rows: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly firstItem: number;
  readonly files: {
    readonly results: FileDigest;
    readonly part: FileDigest;
    readonly log: FileDigest | null;
  };
  /** Present with `output: infer`: observed columns in order of first sight. Outputs that are not objects count as column `output`. */
  readonly observed?: readonly (ColumnObservation & { readonly column: string })[];
  readonly timings: {
    readonly startedMs: number;
    readonly finishedMs: number;
    /** User plus system CPU time of the worker while on this task, milliseconds. */
    readonly cpuMs: number;
    /** Most memory of the worker's process up to then, its earlier tasks included, bytes. Absent: written by a version that did not say. */
    readonly maxRssBytes?: number;
    /** Items taken from a checkpoint instead of being run. */
    readonly resumedItems: number;
  };
  readonly node: string;
  readonly version: string;
}

export interface FileDigest {
  readonly key: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** `output/<publication>/_manifest.json` */
export interface PublicationManifest {
  readonly schema: typeof MANIFEST_SCHEMAS.publication;
  readonly job: JobId;
  readonly publication: string;
  readonly generation: number;
  /** sha-256 (hex) over the winners' done.json hashes and the dead tasks, in task order: the output is a function of this. */
  readonly inputDigest: string;
  readonly files: { readonly results: FileDigest; readonly errors: FileDigest };
  readonly rows: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[];
  readonly tasks: { readonly done: number; readonly dead: number; readonly cancelled: number };
}

/** `jobs/<job>/final.json`: the pointer. */
export interface FinalPointer {
  readonly schema: typeof MANIFEST_SCHEMAS.final;
  readonly publication: string;
  readonly manifest: FileDigest;
}

/** What a submission's script passes to each worker (as arguments; no secrets). */
export interface WorkerAssignment {
  readonly job: JobId;
  readonly submission: SubmissionId;
  readonly wave: number;
  /** Number of the submission's first element within its group, and elements of the group in total: they give the stride. */
  readonly offset: number;
  readonly waveElements: number;
  /** Which group of the wave's manifest its stride goes through. Absent: all tasks of the wave. */
  readonly group?: number;
  /** What its elements asked for. Absent: what the job asks for. */
  readonly size?: ElementSize;
}
