import { AppError } from '../errors/app-error.ts';

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** `<slug of the name>-<8 base32 characters>`, e.g. `licences-7k3f9q2m`; safe in paths, keys and Slurm job names. */
export type JobId = Branded<string, 'JobId'>;
/** Zero-padded decimal number of a task in its job, at least six digits, e.g. `000042`. */
export type TaskId = Branded<string, 'TaskId'>;
/** `<batch job id>_<array index>.<restart count>`: one try at tasks by one worker process, e.g. `4711_3.0`. */
export type AttemptId = Branded<string, 'AttemptId'>;
/** Time-sortable id of one `sbatch` call: a ULID in lower case. */
export type SubmissionId = Branded<string, 'SubmissionId'>;
/** `<batch job id>_<array index>`: an array element, whatever its restart count. */
export type ElementId = Branded<string, 'ElementId'>;

const JOB_ID = /^[a-z0-9][a-z0-9-]{0,63}-[0-9a-hjkmnp-tv-z]{8}$/;
const TASK_ID = /^\d{6,9}$/;
const ATTEMPT_ID = /^[A-Za-z0-9-]{1,48}_\d{1,7}\.\d{1,4}$/;
const SUBMISSION_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

export const MAX_TASKS = 10_000_000;

/** @throws JOB_NOT_FOUND when the text cannot be a job id (which also keeps it from leaving any root). */
export function asJobId(text: string): JobId {
  if (!JOB_ID.test(text)) throw new AppError('JOB_NOT_FOUND', { message: `${JSON.stringify(text)} is not a job id` });
  return text as JobId;
}

export const isJobId = (text: string): text is JobId => JOB_ID.test(text);

export const isTaskId = (text: string): text is TaskId => TASK_ID.test(text);

/** The id of the task with this 0-based number. */
export const taskIdOf = (number: number): TaskId => String(number).padStart(6, '0') as TaskId;

/** The 0-based number of a task. */
export const taskNumber = (task: TaskId): number => Number(task);

/** @throws Error (a bug or a hand-edited manifest) when the text is not a task id. */
export function asTaskId(text: string): TaskId {
  if (!TASK_ID.test(text))
    throw new AppError('MANIFEST_CORRUPT', { message: `${JSON.stringify(text)} is not a task id` });
  return text as TaskId;
}

export function asAttemptId(text: string): AttemptId {
  if (!ATTEMPT_ID.test(text))
    throw new AppError('MANIFEST_CORRUPT', { message: `${JSON.stringify(text)} is not an attempt id` });
  return text as AttemptId;
}

export function asSubmissionId(text: string): SubmissionId {
  if (!SUBMISSION_ID.test(text))
    throw new AppError('MANIFEST_CORRUPT', { message: `${JSON.stringify(text)} is not a submission id` });
  return text as SubmissionId;
}

export const elementIdOf = (batchJobId: string, index: number): ElementId => `${batchJobId}_${index}` as ElementId;

export const attemptIdOf = (element: ElementId, restarts: number): AttemptId => asAttemptId(`${element}.${restarts}`);

/** The element an attempt ran in. */
export const elementOf = (attempt: AttemptId): ElementId => attempt.slice(0, attempt.lastIndexOf('.')) as ElementId;

/** Lower-case letters, digits and single dashes of a job name, at most 40 characters; never empty. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? 'job' : slug;
}
