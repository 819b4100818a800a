import type { Cause } from './causes.ts';
import { fingerprintOfTemplate, templateOf } from './fingerprint.ts';
import type { TaskItem } from './task-item.ts';

/** What is known of the failure of an item. */
export interface ItemFailure {
  readonly cause: Cause;
  readonly errorClass: string;
  readonly errorMessage: string;
}

/** The task of a failed item; `isLost`: it ended without a result, so that items failed as it did. */
export interface FailedTask {
  readonly isLost: boolean;
  readonly item: Pick<TaskItem, 'cause' | 'fingerprint'>;
}

/** Kinds of failure that are hashed once. */
const KNOWN = 10_000;

/** The fingerprint of a failed item, as `retry --error` takes it. Items of a task that was given up fail as the task did. */
export function createFingerprints(): (task: FailedTask, failed: ItemFailure) => string {
  const known = new Map<string, string>();
  return ({ isLost, item }, { cause, errorClass, errorMessage }) => {
    if (isLost && errorClass === item.cause && item.fingerprint !== undefined) return item.fingerprint;
    const template = templateOf(errorMessage);
    const name = `${cause}\n${errorClass}\n${template}`;
    const seen = known.get(name);
    if (seen !== undefined) return seen;
    const made = fingerprintOfTemplate({ cause, errorClass }, template);
    if (known.size < KNOWN) known.set(name, made);
    return made;
  };
}
