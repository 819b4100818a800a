import type { TaskItem } from './task-item.ts';

/** How a worker says that it left items for a later attempt: behind the failure of one of them, which rules and fingerprints are about. Pure. */
export const withItemsLeft = (failure: string, items: number): string => `${failure} (items left: ${items})`;

/** The failure alone. */
export const withoutItemsLeft = (detail: string): string => detail.replace(/ \(items left: \d+\)$/, '');

/**
 * Did items wait for a later attempt beside the one whose failure the task bears? That failure is no reason to end them with it: once more in an
 * attempt that leaves none, and each of them ends by its own.
 */
export const hasItemsLeft = ({ deferred, leavesNone }: Pick<TaskItem, 'deferred' | 'leavesNone'>): boolean =>
  deferred !== undefined && leavesNone !== true;
