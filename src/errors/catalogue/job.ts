import { defineErrors } from '../catalogue-entry.ts';

/** Jobs as a whole. */
export const jobErrors = defineErrors({
  JOB_NOT_FOUND: {
    exitCode: 4,
    retryable: false,
    summary: 'No job has that id, prefix or name.',
    hint: 'List the jobs with: slurmctl list --all',
  },
  JOB_AMBIGUOUS: {
    exitCode: 4,
    retryable: false,
    summary: 'Several jobs have ids that start with that prefix.',
    hint: 'Type more of the id',
  },
  JOB_BAD_STATE: {
    exitCode: 2,
    retryable: false,
    summary: 'The job is in a state in which that step makes no sense.',
    hint: 'Look at it with: slurmctl status',
  },
  JOB_SPOOLED: {
    exitCode: 5,
    retryable: false,
    summary:
      'The job lives in a spool directory that this host does not use; here is only a copy, which can be looked at.',
    hint: 'Run the command on a host that sees the spool, with --spool DIRECTORY',
  },
  LEASE_HELD: {
    exitCode: 6,
    retryable: true,
    summary: 'Another slurmctl process is advancing this job.',
    hint: 'Wait for it; its lease ends by itself if it died',
  },
  LEASE_LOST: {
    exitCode: 6,
    retryable: true,
    summary: 'This process lost the right to advance the job while working, and stopped.',
    hint: 'Run: slurmctl advance JOB',
  },
  MANIFEST_CORRUPT: {
    exitCode: 5,
    retryable: false,
    summary: 'A stored manifest was altered, truncated or written by another version.',
    hint: 'Restore the file named above, or end the job with slurmctl cancel and submit it anew',
  },
  INTERRUPTED: {
    exitCode: 130,
    retryable: true,
    summary: 'The user interrupted the command.',
    hint: 'The job goes on; look at it with: slurmctl status',
  },
});
