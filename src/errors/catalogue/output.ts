import { defineErrors } from '../catalogue-entry.ts';

/** The aggregator and what is read from a finished job. */
export const outputErrors = defineErrors({
  RESULT_CORRUPT: {
    exitCode: 5,
    retryable: false,
    summary: 'A committed result of a task does not match its manifest.',
    hint: 'Nothing was published. Restore the file named above from a backup, or run the job again',
  },
  RESULT_INCOMPLETE: {
    exitCode: 5,
    retryable: false,
    summary: 'The rows of the parts do not add up to the items of the job; nothing was published.',
    hint: 'Look at the tasks named above',
  },
  OUTPUT_NOT_READY: {
    exitCode: 4,
    retryable: true,
    summary: 'The job has not published an output yet.',
    hint: 'Wait for it with: slurmctl status JOB --watch',
  },
  QUERY_INVALID: {
    exitCode: 2,
    retryable: false,
    summary: 'The SQL given to --query cannot be run.',
    hint: 'The tables are `results` and `errors`; see their columns with --query "describe results"',
  },
  OUTPUT_PATH_UNSUPPORTED: {
    exitCode: 2,
    retryable: false,
    summary: 'A path has both a backslash and a character that DuckDB takes for a pattern.',
    hint: 'Move the directory to a path without a backslash',
  },
});
