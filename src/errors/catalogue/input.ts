import { defineErrors } from '../catalogue-entry.ts';

/** What the user feeds in. */
export const inputErrors = defineErrors({
  INPUT_UNREADABLE: {
    exitCode: 2,
    retryable: false,
    summary: 'The input does not exist, is a directory, or may not be read.',
    hint: 'Check the path and its permissions',
  },
  INPUT_EMPTY: {
    exitCode: 2,
    retryable: false,
    summary: 'The input has no items.',
    hint: 'Check that the file, pattern, grid or command yields at least one record',
  },
  INPUT_MALFORMED: {
    exitCode: 2,
    retryable: false,
    summary: 'A record of the input cannot be parsed.',
    hint: 'Correct the record, or set input.onBadRecord: fail-item to carry it as a failed item',
  },
  INPUT_DUPLICATE_ID: {
    exitCode: 2,
    retryable: false,
    summary: 'Two input records have the same id.',
    hint: 'Make input.id unique, or leave it out to use the ordinal',
  },
  INPUT_TOO_MANY_TASKS: {
    exitCode: 2,
    retryable: false,
    summary: 'The input makes more tasks than a job can have (10 million).',
    hint: 'Raise batch.items and batch.bytes, or split the input into several jobs',
  },
  INPUT_COMMAND_FAILED: {
    exitCode: 2,
    retryable: false,
    summary: 'The input command could not be started or exited non-zero.',
    hint: 'Run the command by hand and correct it',
  },
});
