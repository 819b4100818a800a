/**
 * What may differ between the array elements of one job: the memory and the time that their submission asked for. A task whose `needs` are raised
 * waits for an element that is big enough. Pure.
 */
import type { ResourceSpec } from './job-spec.ts';
import type { TaskNeeds } from './task-item.ts';

export type ElementSize = Pick<ResourceSpec, 'memoryBytes' | 'timeMs'>;

/** What a task asks for: the job's resources, where its own needs do not say otherwise. Also what a submission or an assignment asked for. */
export const sizeFor = (resources: ElementSize, needs: TaskNeeds | undefined): ElementSize => ({
  memoryBytes: needs?.memoryBytes ?? resources.memoryBytes,
  timeMs: needs?.timeMs ?? resources.timeMs,
});

export const isSameSize = (a: ElementSize, b: ElementSize): boolean =>
  a.memoryBytes === b.memoryBytes && a.timeMs === b.timeMs;

/** May an element of this size run a task that asks for that much? */
export const isBigEnough = (element: ElementSize, task: ElementSize): boolean =>
  element.memoryBytes >= task.memoryBytes && element.timeMs >= task.timeMs;

/** Equal for equal sizes; for maps. */
export const sizeKey = ({ memoryBytes, timeMs }: ElementSize): string => `${memoryBytes}/${timeMs}`;

/** Largest first: memory decides, then time. */
export const bySizeDescending = (a: ElementSize, b: ElementSize): number =>
  b.memoryBytes - a.memoryBytes || b.timeMs - a.timeMs;
