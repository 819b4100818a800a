import type { Cause } from './causes.ts';
import { fingerprintOfTemplate, shapeOf, templateOf } from './fingerprint.ts';
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

/** Shapes and kinds of failure, of each, that are remembered at least. */
const REMEMBERED = 4_000;

/** The fingerprint of a failed item, as `retry --error` takes it. Items of a task that was given up fail as the task did. */
export function createFingerprints(): (task: FailedTask, failed: ItemFailure) => string {
  const byShape = createMemory();
  const byTemplate = createMemory();
  return ({ isLost, item }, { cause, errorClass, errorMessage }) => {
    if (isLost && errorClass === item.cause && item.fingerprint !== undefined) return item.fingerprint;
    const name = `${cause}\n${errorClass}\n`;
    return byShape(name + shapeOf(errorMessage), () => {
      const template = templateOf(errorMessage);
      return byTemplate(name + template, () => fingerprintOfTemplate({ cause, errorClass }, template));
    });
  };
}

/** What was asked for lately is not made again. In two halves, of which the one that was not asked for makes room: any number of messages cost bounded memory. */
function createMemory(): (key: string, make: () => string) => string {
  let recent = new Map<string, string>();
  let before = new Map<string, string>();
  return (key, make) => {
    const known = recent.get(key);
    if (known !== undefined) return known;
    const made = before.get(key) ?? make();
    if (recent.size === REMEMBERED) {
      before = recent;
      recent = new Map();
    }
    recent.set(key, made);
    return made;
  };
}
