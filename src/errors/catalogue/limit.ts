import { defineErrors } from '../catalogue-entry.ts';

/** Rate limits of a site, as the calls of a worker meet them. */
export const limitErrors = defineErrors({
  LIMIT_UNKNOWN: {
    exitCode: 4,
    retryable: false,
    summary: 'A call names a limit that the state table of this site does not have.',
    hint: 'Set it with: slurmctl limit set NAME --rate 3000/min',
  },
});
