import type { Cause } from '../domain/causes.ts';
import { classify } from '../domain/classify.ts';
import { isAppError, messageOf } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/catalogue.ts';
import { isTransient } from './patience.ts';

/** What an error that ended a task means for the task and for the element. Pure. */
export interface TaskFailure {
  /** How the task is released; null: it is left as it is, because state or store do not answer and reconcile will name the cause. */
  readonly release: { readonly cause: Cause; readonly detail: string } | null;
  /** False: only this task is affected, the element goes on with others. */
  readonly endsElement: boolean;
}

/** Errors of the stored task itself: other tasks may be whole. */
const OF_THE_TASK: readonly ErrorCode[] = ['MANIFEST_CORRUPT', 'STORE_CORRUPT', 'STORE_NOT_FOUND'];
const FULL: readonly ErrorCode[] = ['SCRATCH_FULL', 'STORE_FULL'];

export function judgeTaskFailure(error: unknown): TaskFailure {
  if (!isAppError(error)) {
    const cause = ranOut(error instanceof Error ? error.name : '', messageOf(error));
    const detail = cause === 'worker-error' ? `bug in slurmctl: ${messageOf(error)}` : messageOf(error);
    return { release: { cause, detail }, endsElement: true };
  }
  const detail = `${error.code}: ${error.message}`;
  if (FULL.includes(error.code)) return { release: { cause: 'disk-full', detail }, endsElement: true };
  if (isTransient(error)) return { release: null, endsElement: true };
  return {
    release: { cause: ranOut(error.code, error.message), detail },
    endsElement: !OF_THE_TASK.includes(error.code),
  };
}

/** Memory or disk, where the error speaks of it. */
function ranOut(errorClass: string, message: string): Cause {
  const cause = classify({ errorClass, message });
  return cause === 'oom' || cause === 'disk-full' ? cause : 'worker-error';
}
