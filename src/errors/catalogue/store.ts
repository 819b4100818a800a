import { defineErrors } from '../catalogue-entry.ts';

/** The object store. */
export const storeErrors = defineErrors({
  STORE_NOT_FOUND: {
    exitCode: 5,
    retryable: false,
    summary: 'An object that must be there is missing.',
    hint: 'Check that the store named above was not cleaned up or moved',
  },
  STORE_BAD_KEY: {
    exitCode: 2,
    retryable: false,
    summary: 'An object key is malformed or would leave the store.',
    hint: 'Use names without "..", leading "/" or control characters',
  },
  STORE_CORRUPT: {
    exitCode: 5,
    retryable: false,
    summary: 'An object has another sha-256 or length than recorded.',
    hint: 'Restore the object named above, or rerun the task that wrote it',
  },
  STORE_FULL: {
    exitCode: 5,
    retryable: true,
    summary: 'The store has no space, inodes or quota left.',
    hint: 'Free space (slurmctl gc helps), then: slurmctl advance JOB',
  },
  STORE_DENIED: {
    exitCode: 5,
    retryable: false,
    summary: 'The store may not be read or written with these permissions.',
    hint: 'Check the owner and permissions of the directory named above',
  },
  STORE_MISSING: {
    exitCode: 5,
    retryable: false,
    summary: 'The bucket that holds the objects does not exist.',
    hint: 'Check the name, region and endpoint, or create what is missing with: slurmctl init --aws',
  },
  STORE_UNAVAILABLE: {
    exitCode: 5,
    retryable: true,
    summary: 'The store does not answer or an operation failed.',
    hint: 'Try again; nothing that was committed is lost',
  },
});
