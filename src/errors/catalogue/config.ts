import { defineErrors } from '../catalogue-entry.ts';

/** Wrong usage, job file and settings. */
export const configErrors = defineErrors({
  USAGE: {
    exitCode: 2,
    retryable: false,
    summary: 'The command line has an unknown command, option or value.',
    hint: 'Run the command with --help to see what it takes',
  },
  CONFIG_INVALID: {
    exitCode: 2,
    retryable: false,
    summary: 'The job file or settings file has one or more problems; all of them are listed.',
    hint: 'Correct the lines named above; nothing was written',
  },
  CONFIG_NOT_FOUND: {
    exitCode: 2,
    retryable: false,
    summary: 'The job file or settings file does not exist or cannot be read.',
    hint: 'Check the path, or write a starter job with: slurmctl init',
  },
});
