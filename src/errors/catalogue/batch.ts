import { defineErrors } from '../catalogue-entry.ts';

/** The batch system: Slurm or the local scheduler. */
export const batchErrors = defineErrors({
  BATCH_UNREACHABLE: {
    exitCode: 5,
    retryable: true,
    summary: 'The batch system does not answer.',
    hint: 'Try again when `scontrol ping` answers; the stored job is safe and `slurmctl advance` goes on with it',
  },
  BATCH_NOT_INSTALLED: {
    exitCode: 5,
    retryable: false,
    summary: 'The scheduler commands are not on this host.',
    hint: 'Run on a login node, load the Slurm module, or set scheduler: local',
  },
  BATCH_LIMIT: {
    exitCode: 5,
    retryable: true,
    summary: 'The batch system accepts no more jobs from this user for the moment.',
    hint: 'slurmctl waits and goes on; see the limit named above',
  },
  BATCH_REFUSED: {
    exitCode: 2,
    retryable: false,
    summary: 'The batch system refused the submission because of what was asked for.',
    hint: 'Correct the slurm or resources section of the job file',
  },
  BATCH_UNCERTAIN: {
    exitCode: 5,
    retryable: true,
    summary: 'A submission may or may not have been accepted; it is looked up by name before anything is sent again.',
    hint: 'Run: slurmctl advance JOB',
  },
  BATCH_BAD_ANSWER: {
    exitCode: 5,
    retryable: true,
    summary: 'A scheduler command printed something that could not be understood.',
    hint: 'Run the command shown above by hand; report its output if it looks right',
  },
});
