import { defineErrors } from '../catalogue-entry.ts';

/** Pools of a site, as people define them and as holders meet them. */
export const poolErrors = defineErrors({
  POOL_UNKNOWN: {
    exitCode: 4,
    retryable: false,
    summary: 'A pool is named that the state table of this site does not have.',
    hint: 'State its slots with: slurmctl pool set NAME --slots 20',
  },
  POOL_CONFLICT: {
    exitCode: 2,
    retryable: false,
    summary:
      'A job states another number of slots for a pool than the site does. The pool is shared, so only one can count.',
    hint: "Drop the slots from the job file to take the site's, or change the site's with: slurmctl pool set NAME --slots 20",
  },
  POOL_NOT_HELD: {
    exitCode: 4,
    retryable: false,
    summary: 'A slot of a pool is to be taken away from its holder, and nobody that was meant holds one.',
    hint: 'See who holds what with: slurmctl pool show NAME',
  },
  POOL_SLOT_LOST: {
    exitCode: 5,
    retryable: true,
    summary: 'A holder lost its slot of a pool: a person took it away, or its heartbeats did not arrive for too long.',
    hint: 'Try again; whoever asks again waits for a slot like all others',
  },
  POOL_WAIT_ENDED: {
    exitCode: 5,
    retryable: true,
    summary: 'The process ends while calls of it wait for a slot of a pool.',
    hint: 'Try again in another process',
  },
});
