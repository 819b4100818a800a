import { defineErrors } from '../catalogue-entry.ts';

/** What the jobs of a site share, as people define it. */
export const siteErrors = defineErrors({
  LIMIT_CONFLICT: {
    exitCode: 2,
    retryable: false,
    summary:
      'A job states other figures for a rate limit than the site does. The limit is shared, so only one of them can count.',
    hint: "Drop the figures from the job file to take the site's, or change the site's with: slurmctl limit set NAME --rate 3000/min",
  },
  LIMIT_IN_USE: {
    exitCode: 2,
    retryable: false,
    summary: 'A rate limit cannot be deleted while jobs that use it are live: their workers would stop.',
    hint: 'Wait for these jobs, or delete it all the same with: slurmctl limit delete NAME --force',
  },
  POOL_IN_USE: {
    exitCode: 2,
    retryable: false,
    summary: 'A pool cannot be deleted while live jobs use it, or somebody holds a slot of it or waits for one.',
    hint: 'Wait for them, or delete it all the same with: slurmctl pool delete NAME --force',
  },
});
