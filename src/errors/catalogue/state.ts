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
  STATE_MISSING: {
    exitCode: 5,
    retryable: false,
    summary: 'The table that holds the states does not exist.',
    hint: 'Check the name, region and endpoint, or create what is missing with: slurmctl init --aws',
  },
  STATE_WRONG_SCHEMA: {
    exitCode: 5,
    retryable: false,
    summary: 'The table that is to hold the states has other keys than slurmctl uses.',
    hint: 'Name another table under state in slurmctl.yaml; slurmctl init --aws creates one with the right keys',
  },
  QUEUE_MISSING: {
    exitCode: 5,
    retryable: false,
    summary: 'The queue, or the queue of its dead letters, does not exist.',
    hint: 'Check the name, region and endpoint, or create what is missing with: slurmctl init --aws',
  },
  QUEUE_DENIED: {
    exitCode: 5,
    retryable: false,
    summary: 'The retry queue may not be used with these permissions.',
    hint: 'Ask for the permissions that slurmctl init --aws --dry-run prints',
  },
  QUEUE_UNAVAILABLE: {
    exitCode: 5,
    retryable: true,
    summary: 'The retry queue does not answer or an operation failed.',
    hint: 'Try again; messages are hints and no work is lost with them',
  },
});
