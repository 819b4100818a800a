import { isFinalJobState, type JobState } from '../domain/states.ts';

/** Was it this pass that ended the job? One over a job that had ended before takes no step. */
export const hasJustEnded = ({
  state,
  steps,
}: {
  readonly state: JobState;
  readonly steps: readonly string[];
}): boolean => isFinalJobState(state) && steps.length > 0;
