import { defineErrors } from '../catalogue-entry.ts';

/** The command line itself. */
export const cliErrors = defineErrors({
  STDOUT_FAILED: {
    exitCode: 5,
    retryable: false,
    summary: 'The file or device that stdout goes to cannot be written.',
    hint: 'Check the space and permissions of where the output is redirected to',
  },
});
