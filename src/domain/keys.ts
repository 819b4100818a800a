import type { AttemptId, JobId, SubmissionId, TaskId } from './ids.ts';

/**
 * Every object key, built here and nowhere else. Keys use `/`, never start with it, and sort by bytes.
 */
export const JOBS_PREFIX = 'jobs/';
export const jobPrefix = (job: JobId): string => `jobs/${job}/`;
export const jobManifestKey = (job: JobId): string => `jobs/${job}/manifest.json`;
/** What was asked for, before the input is split; a submit that died goes on from here. */
export const jobRequestKey = (job: JobId): string => `jobs/${job}/request.json`;
/** The job file's exact text, kept as evidence. */
export const jobFileKey = (job: JobId): string => `jobs/${job}/job.yaml`;

export const batchKey = (job: JobId, task: TaskId): string => `jobs/${job}/batches/${task}.jsonl`;
export const taskManifestKey = (job: JobId, task: TaskId): string => `jobs/${job}/tasks/${task}.json`;
/** The task list of a wave after wave 0 (wave 0 is every task). */
export const waveKey = (job: JobId, wave: number): string => `jobs/${job}/waves/${String(wave).padStart(4, '0')}.json`;
/** The exact script given to the batch system, kept as evidence. */
export const scriptKey = (job: JobId, submission: SubmissionId): string => `jobs/${job}/submissions/${submission}.sh`;

export const taskAttemptsPrefix = (job: JobId, task: TaskId): string => `jobs/${job}/attempts/${task}/`;
export const attemptPrefix = (job: JobId, task: TaskId, attempt: AttemptId): string =>
  `jobs/${job}/attempts/${task}/${attempt}/`;
export const resultsKey = (job: JobId, task: TaskId, attempt: AttemptId): string =>
  `${attemptPrefix(job, task, attempt)}results.sqlite`;
export const partKey = (job: JobId, task: TaskId, attempt: AttemptId): string =>
  `${attemptPrefix(job, task, attempt)}part.parquet`;
export const attemptLogKey = (job: JobId, task: TaskId, attempt: AttemptId): string =>
  `${attemptPrefix(job, task, attempt)}log.jsonl`;
/** Part of the log of an attempt that has not ended, or ended without a word; `seq` counts from 1. `log.jsonl` has all of them and more. */
export const logChunksPrefix = (job: JobId, task: TaskId, attempt: AttemptId): string =>
  `${attemptPrefix(job, task, attempt)}log/`;
export const logChunkKey = (job: JobId, task: TaskId, attempt: AttemptId, seq: number): string =>
  `${logChunksPrefix(job, task, attempt)}${String(seq).padStart(6, '0')}.jsonl`;
export const doneKey = (job: JobId, task: TaskId, attempt: AttemptId): string =>
  `${attemptPrefix(job, task, attempt)}done.json`;
/** Immutable checkpoint segment; `seq` counts from 1 within the attempt. */
export const segmentKey = (job: JobId, task: TaskId, attempt: AttemptId, seq: number): string =>
  `${attemptPrefix(job, task, attempt)}seg/${String(seq).padStart(6, '0')}.jsonl`;

const redoPrefix = (job: JobId, generation: number): string =>
  `jobs/${job}/redo/${String(generation).padStart(4, '0')}/`;
/** What a `retry` is about to open again, over all tasks; an interrupted one goes on from here. `plan`: a name no other retry has. */
export const redoPlanKey = (job: JobId, generation: number, plan: string): string =>
  `${redoPrefix(job, generation)}plan-${plan}.json`;
/** Which items of one task are run again in a generation of the task, and where the outcomes of the others are. */
export const redoKey = (job: JobId, generation: number, task: TaskId): string =>
  `${redoPrefix(job, generation)}${task}.json`;
/** Outcomes that a task without a committed result takes into its next generation; `seq` counts from 1. */
export const redoBaseKey = (
  job: JobId,
  task: TaskId,
  base: { readonly generation: number; readonly name: string },
  seq: number,
): string => `${redoPrefix(job, base.generation)}${task}-${base.name}/${String(seq).padStart(6, '0')}.jsonl`;

export const publicationPrefix = (job: JobId, publication: string): string => `jobs/${job}/output/${publication}/`;
export const outputResultsKey = (job: JobId, publication: string): string =>
  `${publicationPrefix(job, publication)}results.parquet`;
export const outputErrorsKey = (job: JobId, publication: string): string =>
  `${publicationPrefix(job, publication)}errors.parquet`;
export const outputManifestKey = (job: JobId, publication: string): string =>
  `${publicationPrefix(job, publication)}_manifest.json`;
/** The page of a job, as it was when the job ended. */
export const dashboardKey = (job: JobId): string => `jobs/${job}/dashboard.html`;
/** The pointer at the current publication; moved last. */
export const finalKey = (job: JobId): string => `jobs/${job}/final.json`;
