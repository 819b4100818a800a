/** What the claimable tasks of a job ask for, collected while a pass reads them: tasks of one size are one group, and get elements of their own. */
import { isSameSize, sizeFor, sizeKey, type ElementSize } from '../domain/element-size.ts';
import { elementOf, type ElementId, type TaskId } from '../domain/ids.ts';
import { withoutItemsLeft } from '../domain/items-left.ts';
import type { Task } from './task-list.ts';

export interface PendingTask {
  readonly id: TaskId;
  /** Attempts begun so far; one more means that somebody has claimed it. */
  readonly attempts: number;
  readonly generation: number;
}

export interface GroupDemand {
  readonly size: ElementSize;
  readonly pending: readonly PendingTask[];
  /** Of these, moved from WAIT to PENDING by this pass. */
  readonly released: number;
  /** Attempts begun so far, over all tasks of this size in whatever state. */
  readonly attempts: number;
}

export interface Demand {
  /** Groups with claimable tasks. */
  readonly groups: readonly GroupDemand[];
  /** Elements that are at work on a task. */
  readonly busy: ReadonlySet<ElementId>;
  /** Epoch ms of the earliest retry of a task that asks for something else than the job does; null without one. */
  readonly nextEscalatedMs: number | null;
  /** Quotas that tasks wait for: nothing is to be sent before the last of them goes on. Null: none. */
  readonly spent: SpentQuota | null;
}

export interface SpentQuota {
  readonly untilMs: number;
  /** For people: what is used up, and when it goes on. */
  readonly why: string;
}

export interface DemandCollector {
  /** A task as the pass leaves it. `isReleased`: the pass made it claimable. */
  add(task: Task, isReleased: boolean): void;
  demand(): Demand;
}

/** @param resources what the job file asks for */
export function createDemandCollector(resources: ElementSize): DemandCollector {
  const groups = new Map<string, { size: ElementSize; pending: PendingTask[]; released: number; attempts: number }>();
  const busy = new Set<ElementId>();
  let nextEscalatedMs: number | null = null;
  let spent: SpentQuota | null = null;
  return {
    add(task, isReleased) {
      const size = sizeFor(resources, task.needs);
      const key = sizeKey(size);
      const group = groups.get(key) ?? { size, pending: [], released: 0, attempts: 0 };
      groups.set(key, group);
      group.attempts += task.attempts;
      if (task.state === 'PENDING') {
        group.pending.push({ id: task.id, attempts: task.attempts, generation: task.generation });
        if (isReleased) group.released += 1;
      }
      if (task.state === 'RUNNING' && task.owner !== undefined) busy.add(elementOf(task.owner));
      if (task.state === 'WAIT' && task.notBeforeMs !== undefined && !isSameSize(size, resources))
        nextEscalatedMs = Math.min(nextEscalatedMs ?? Infinity, task.notBeforeMs);
      if (isSpent(task) && task.notBeforeMs > (spent?.untilMs ?? 0))
        spent = { untilMs: task.notBeforeMs, why: withoutItemsLeft(task.causeDetail ?? '') };
    },
    demand: () => ({
      groups: [...groups.values()].filter(({ pending }) => pending.length > 0),
      busy,
      nextEscalatedMs,
      spent,
    }),
  };
}

const isSpent = (task: Task): task is Task & { readonly notBeforeMs: number } =>
  task.state === 'WAIT' && task.cause === 'quota-spent' && task.notBeforeMs !== undefined;
