/** Checks that finished work which could not be reported is kept until nobody needs it. */
import { decodeSpill, spillOfRecord } from '../../../src/domain/spill.ts';
import { taskKey } from '../../../src/domain/state-keys.ts';
import type { TaskItem } from '../../../src/domain/task-item.ts';
import type { StoreEvent } from '../ports/object-store.ts';
import type { Watched } from './report.ts';

export const createSpillWatch =
  ({ state, violate }: Pick<Watched, 'state' | 'violate'>) =>
  ({ process, kind, key, before }: StoreEvent): void => {
    const id = spillOfRecord(key);
    if (kind !== 'delete' || id === null || before === null) return;
    const record = decodeSpill(before, id);
    const task = state.peek(taskKey(id.job, id.task, 1)) as unknown as TaskItem | null;
    if (typeof record === 'string' || task === null) return;
    if (task.win === undefined && task.generation === record.generation)
      violate('deletion', `${process.name} removes ${key}, and task ${id.task} has no winner`);
  };
