/** What the retry budget and the breakers go by, added up while a pass reads the tasks. */
import type { BudgetCounts } from '../domain/breaker.ts';
import type { TaskId } from '../domain/ids.ts';
import type { Task } from './task-list.ts';

export interface RetrySums {
  readonly budget: BudgetCounts;
  /** The canaries of breakers as they are. */
  readonly canaries: ReadonlyMap<TaskId, Task>;
}

/** @param canaries tasks to keep */
export function createRetrySums(canaries: ReadonlySet<TaskId>): { add(task: Task): void; sums(): RetrySums } {
  const budget = { done: 0, spent: 0, underWay: 0, claimable: 0 };
  const kept = new Map<TaskId, Task>();
  return {
    add(task) {
      if (canaries.has(task.id)) kept.set(task.id, task);
      // Of the attempts that are charged, the first one is no retry; a waiting task has not begun its next one.
      budget.spent += Math.max(0, task.charged - 1);
      if (task.state === 'DONE') budget.done += 1;
      if (task.state === 'PENDING' && task.charged > 0) {
        budget.claimable += 1;
        budget.underWay += 1;
      }
      if (task.state === 'RUNNING' && task.charged > 1) budget.underWay += 1;
    },
    sums: () => ({ budget: { ...budget }, canaries: kept }),
  };
}
