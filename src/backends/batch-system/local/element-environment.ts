import { ELEMENT_MARK } from './processes.ts';
import type { LiveSubmission } from './supervision.ts';

const MIB = 1024 ** 2;

/** The environment that elements inherit: the submitter's, without what a batch job it runs in may have put there. */
export function withoutBatchVariables(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(SLURM_|SLURMD_|SBATCH_)/.test(entry[0]) && entry[0] !== ELEMENT_MARK,
    ),
  );
}

export interface ElementPlace {
  readonly index: number;
  readonly restarts: number;
  readonly hostname: string;
  readonly cpus: number;
  readonly nowMs: number;
}

/** What Slurm would set for this element. */
export function elementEnvironment(submission: LiveSubmission, place: ElementPlace): Record<string, string> {
  const { id, request } = submission;
  const elementId = request.isArray ? `${id}_${place.index}` : id;
  const startSec = Math.floor(place.nowMs / 1_000);
  return {
    ...submission.environment,
    ...(request.isArray ? arrayVariables(id, place.index, request.count) : {}),
    ...(place.restarts > 0 ? { SLURM_RESTART_COUNT: String(place.restarts) } : {}),
    SLURM_JOB_ID: elementId,
    SLURM_JOBID: elementId,
    SLURM_JOB_NAME: request.name,
    SLURM_SUBMIT_DIR: request.cwd,
    SLURM_SUBMIT_HOST: place.hostname,
    SLURMD_NODENAME: place.hostname,
    SLURM_JOB_NODELIST: place.hostname,
    SLURM_CPUS_PER_TASK: String(request.cpus),
    SLURM_CPUS_ON_NODE: String(place.cpus),
    SLURM_MEM_PER_NODE: String(Math.ceil(request.memoryBytes / MIB)),
    SLURM_JOB_START_TIME: String(startSec),
    SLURM_JOB_END_TIME: String(startSec + Math.floor(request.timeMs / 1_000)),
    [ELEMENT_MARK]: `${id}_${place.index}.${place.restarts}`,
  };
}

const arrayVariables = (id: string, index: number, count: number): Record<string, string> => ({
  SLURM_ARRAY_JOB_ID: id,
  SLURM_ARRAY_TASK_ID: String(index),
  SLURM_ARRAY_TASK_COUNT: String(count),
  SLURM_ARRAY_TASK_MIN: '0',
  SLURM_ARRAY_TASK_MAX: String(count - 1),
  SLURM_ARRAY_TASK_STEP: '1',
});
