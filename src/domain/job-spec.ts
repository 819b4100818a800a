import type { AlertRule, JobHooks } from './alert-rule.ts';
import type { OutputSpec } from './output-columns.ts';
import type { JobLimit } from './limit.ts';
import type { LogSpec } from './log-line.ts';
import type { JobConcurrency, JobPool } from './pool.ts';
import type { RetryRule } from './retry-rules.ts';

/**
 * A job file after validation: defaults filled in, units converted, paths absolute. This is what the job manifest keeps,
 * so that a job never depends on its job file again.
 */
export interface JobSpec {
  readonly name: string;
  /** Absolute directory of the job file; handlers and commands run with it as working directory. */
  readonly baseDir: string;
  readonly input: InputSpec;
  /** A task closes at whichever comes first. */
  readonly batch: { readonly items: number; readonly bytes: number };
  readonly handler: HandlerSpec;
  readonly resources: ResourceSpec;
  readonly slurm: SlurmSpec;
  readonly retry: RetrySpec;
  readonly checkpoint: { readonly everyMs: number };
  readonly output: OutputSpec;
  /** Absent: the defaults. */
  readonly logs?: LogSpec;
  /** Rate limits it uses, each name once. Absent: none. */
  readonly limits?: readonly JobLimit[];
  /** Pools it uses, each name once. Absent: none. */
  readonly pools?: readonly JobPool[];
  /** Absent: it runs whatever other jobs do. */
  readonly concurrency?: JobConcurrency;
  /** Who is told what about it. Absent: nobody but those of the settings. */
  readonly alerts?: readonly AlertRule[];
  /** What is run when it ends. Absent: nothing. */
  readonly on?: JobHooks;
}

interface InputCommon {
  /** Field of the record that identifies the item; absent: the ordinal. */
  readonly id?: string;
  readonly onBadRecord: 'stop' | 'fail-item';
}
export type FileFormat = 'jsonl' | 'csv' | 'tsv' | 'txt' | 'parquet';
export type Compression = 'none' | 'gzip' | 'zstd';
export type InputSpec = InputCommon &
  (
    | { readonly kind: 'file'; readonly path: string; readonly format: FileFormat; readonly compression: Compression }
    /** Each matching file is an item `{path, bytes}`; the pattern is relative to `baseDir`, paths in items are absolute. */
    | { readonly kind: 'files'; readonly pattern: string; readonly baseDir: string }
    /** The product of all axes in the order given, the last axis fastest. */
    | { readonly kind: 'grid'; readonly axes: Readonly<Record<string, GridAxis>> }
    /** Each line of stdout is an item: JSON when `format` is jsonl, text when txt. Runs in `cwd` without a shell. */
    | {
        readonly kind: 'command';
        readonly argv: readonly string[];
        readonly cwd: string;
        readonly format: 'jsonl' | 'txt';
      }
  );
export type GridAxis =
  | readonly (string | number | boolean | null)[]
  | { readonly from: number; readonly to: number; readonly step: number };

export type HandlerSpec = {
  /** Items in flight in one worker. */
  readonly concurrency: number;
  /** Longest run of one try at one item. */
  readonly timeoutMs: number;
} & (
  | { readonly kind: 'module'; readonly path: string }
  /** argv template: `{field}` is replaced by a field of the payload, `{{` and `}}` are braces; no shell. */
  | { readonly kind: 'command'; readonly argv: readonly string[] }
);

export interface ResourceSpec {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly timeMs: number;
}

export interface SlurmSpec {
  readonly partition?: string;
  readonly account?: string;
  readonly qos?: string;
  /** Array elements of a wave: what can run at once, one a task, or a fixed number. */
  readonly elements: 'auto' | 'tasks' | number;
  /** Most elements running at once (`%N`). */
  readonly throttle?: number;
  /** Further sbatch options, one argument each. */
  readonly extra: readonly string[];
}

export interface RetrySpec {
  /** Tries of one item inside an attempt, the first included. */
  readonly items: number;
  /** Attempts at a task that the user's budget pays for, the first included. */
  readonly attempts: number;
  /** Wait before a retry: exponential between these bounds, with full jitter. */
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
  /** The job file's own rules in order; the built-in ones come after them (`domain/retry-rules.ts`). Absent: none. */
  readonly rules?: readonly RetryRule[];
  /** Failed items the job tolerates; default none. */
  readonly tolerate: Tolerance;
}

/** The job is within its tolerance while failed ≤ `count` and failed ≤ `percent` of all items (each when given). */
export interface Tolerance {
  readonly count?: number;
  readonly percent?: number;
}

/** Where a job's state lives; written into its manifest so that workers get it through the job. No secrets in these URLs. */
export interface BackendUrls {
  /** Absolute path of the home directory: element logs and local scheduler state. */
  readonly home: string;
  readonly store: string;
  readonly state: string;
  readonly queue: string;
  readonly scheduler: 'slurm' | 'local';
}
