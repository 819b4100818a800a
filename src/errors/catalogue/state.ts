import { defineErrors } from '../catalogue-entry.ts';

/** The state table and the retry queue. */
export const stateErrors = defineErrors({
  STATE_UNAVAILABLE: {
    exitCode: 5,
    retryable: true,
    summary: 'The state table does not answer or an operation failed.',
    hint: 'Try again; nothing that was committed is lost',
  },
  STATE_FULL: {
    exitCode: 5,
    retryable: true,
    summary: 'The state table has no space, inodes or quota left.',
    hint: 'Free space (slurmctl gc helps), then: slurmctl advance JOB',
  },
  STATE_DENIED: {
    exitCode: 5,
    retryable: false,
    summary: 'The state table may not be read or written with these permissions.',
    hint: 'Check the owner and permissions of the directory named above',
  },
  STATE_UNCERTAIN: {
    exitCode: 5,
    retryable: true,
    summary: 'A state write may or may not have been applied; it has to be read back.',
    hint: 'Try again; every write can be repeated safely',
  },
  STATE_CORRUPT: {
    exitCode: 5,
    retryable: false,
    summary: 'A state item is not readable.',
    hint: 'Restore the file named above from a backup',
  },
  QUEUE_UNAVAILABLE: {
    exitCode: 5,
    retryable: true,
    summary: 'The retry queue does not answer or an operation failed.',
    hint: 'Try again; messages are hints and no work is lost with them',
  },
});
