import { defineErrors } from '../catalogue-entry.ts';

/** The worker and its handler. */
export const workerErrors = defineErrors({
  HANDLER_NOT_LOADABLE: {
    exitCode: 2,
    retryable: false,
    summary:
      'The handler module is missing, throws on import, or does not export a function; or the command cannot be run.',
    hint: 'Correct the handler; `slurmctl plan` loads it and shows the error',
  },
  SCRATCH_UNFIT: {
    exitCode: 5,
    retryable: false,
    summary: 'The scratch directory is missing, not writable, or on a network file system.',
    hint: 'Set SLURMCTL_SCRATCH to a directory on node-local disk',
  },
  SCRATCH_FULL: {
    exitCode: 5,
    retryable: true,
    summary: 'The node-local scratch disk is full.',
    hint: 'Use a bigger scratch directory (SLURMCTL_SCRATCH) or smaller batches',
  },
});
