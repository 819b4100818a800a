/** The largest groups of failures of a job: of items, as the commits of their tasks tell, and of attempts, as tasks tell that are not done. Pure. */
import type { Cause } from '../domain/causes.ts';
import { MOST_GROUPS, type FailureSum, type FailureSums } from '../domain/failure-sum.ts';
import type { Task } from './task-list.ts';

/** Failures of one kind. */
export interface FailureCount {
  readonly fingerprint: string;
  readonly cause: Cause;
  /** Tasks, not done, whose last attempt failed so. */
  readonly tasks: number;
  readonly example: string;
  /** Failed items of committed tasks. */
  readonly items: number;
  /** There may be more such items. */
  readonly atLeast: boolean;
}

interface FailedAlike extends Omit<FailureCount, 'items' | 'atLeast'> {
  /** Items that the attempts have left. */
  readonly left: number;
}

export interface AttemptFailures {
  add(task: Task): void;
  kinds(): readonly FailedAlike[];
}

/** Tasks whose last attempt failed, by how: as far as it was decided about. */
export function createAttemptFailures(): AttemptFailures {
  const kinds = new Map<string, FailedAlike>();
  return {
    add({ id, state, cause, causeDetail, fingerprint, items, checkpoint }) {
      if (cause === undefined || fingerprint === undefined || state === 'DONE' || state === 'CANCELLED') return;
      const known = kinds.get(fingerprint);
      kinds.set(fingerprint, {
        fingerprint,
        cause,
        tasks: (known?.tasks ?? 0) + 1,
        left: (known?.left ?? 0) + items - (checkpoint?.items ?? 0),
        example: `task ${id}: ${causeDetail ?? cause}`,
      });
    },
    kinds: () => [...kinds.values()],
  };
}

/** Both together, largest first: items that failed, and items that attempts have left. */
export function largestFailures(items: FailureSums, attempts: readonly FailedAlike[]): FailureCount[] {
  const kinds = new Map(attempts.map((kind) => [kind.fingerprint, { ...kind, items: 0 }]));
  for (const sum of items.groups) {
    const { fingerprint, cause } = sum;
    const { tasks, left } = kinds.get(fingerprint) ?? { tasks: 0, left: 0 };
    kinds.set(fingerprint, { fingerprint, cause, tasks, left, items: sum.items, example: exampleOf(sum) });
  }
  return [...kinds.values()]
    .toSorted((a, b) => b.items + b.left - a.items - a.left || b.tasks - a.tasks)
    .slice(0, MOST_GROUPS)
    .map(({ left: _left, ...kind }) => ({ ...kind, atLeast: kind.items > 0 && items.ungrouped > 0 }));
}

const exampleOf = ({ errorClass, message }: FailureSum): string =>
  [errorClass, message].filter((part) => part !== '').join(': ');
