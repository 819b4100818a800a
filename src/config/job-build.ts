import type { JOB_KEYS } from './job-keys.ts';
import type { PathCheck } from './path-check.ts';
import type { Reader } from './reader.ts';

/** What the parts of a job file are put together from. */
export interface JobBuild {
  readonly reader: Reader<typeof JOB_KEYS>;
  /** Absolute directory of the job file. */
  readonly baseDir: string;
  /** Paths to look at once everything is read. */
  readonly checks: PathCheck[];
}
