import { defineErrors } from '../catalogue-entry.ts';

/** Rate limits of a site, as the calls of a worker meet them. */
export const limitErrors = defineErrors({
  LIMIT_UNKNOWN: {
    exitCode: 4,
    retryable: false,
    summary: 'A call names a limit that the state table of this site does not have.',
    hint: 'Set it with: slurmctl limit set NAME --rate 3000/min',
  },
  LIMIT_COST: {
    exitCode: 2,
    retryable: false,
    summary:
      'The cost of a call is no whole number, names a unit the limit does not count, or is more than the limit can ever sell at once.',
    hint: 'Correct the cost in the handler or the job file, or make the call smaller; the figures of a limit are shown by: slurmctl limit show NAME',
  },
  LIMIT_SPENT: {
    exitCode: 5,
    retryable: true,
    summary: 'A quota is used up, and its next window begins later than the process waits for it.',
    hint: 'Go on when the next window has begun; see what is left of it with: slurmctl limit show NAME',
  },
});
