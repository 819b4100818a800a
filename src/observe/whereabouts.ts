/** Where and when the attempts of a task ran. */
import type { TaskItem } from '../domain/task-item.ts';
import type { Whereabouts } from './failing-task.ts';
import type { ObservedJob } from './needs.ts';

/** Of the attempt that a task names as its owner. */
export const ownWhereabouts = (item: TaskItem, job: ObservedJob): Whereabouts => ({
  attempt: item.owner ?? null,
  node: item.node ?? null,
  startedMs: item.startedMs ?? null,
  endedMs: item.heartbeatMs ?? null,
  memoryBytes: item.needs?.memoryBytes ?? job.memoryBytes,
  timeMs: item.needs?.timeMs ?? job.timeMs,
});

/** Of the attempt that handed in what is known of the items: the winner, or the one that saved them, or the last one. */
export function whereabouts(item: TaskItem, attempts: readonly Whereabouts[], job: ObservedJob): Whereabouts {
  const { win, checkpoint, owner } = item;
  const own = ownWhereabouts(item, job);
  const starts = attempts.map(({ startedMs }) => startedMs);
  if (win !== undefined) {
    const { ran } = win;
    const place = { attempt: win.attempt, memoryBytes: own.memoryBytes, timeMs: own.timeMs };
    if (ran === undefined) return { ...place, node: null, startedMs: null, endedMs: null };
    // What an attempt took over from an earlier one had failed there.
    return { ...place, node: ran.node, startedMs: earliest([ran.startedMs, ...starts]), endedMs: ran.finishedMs };
  }
  const saver = attempts.findLast(({ attempt }) => attempt !== null && attempt === checkpoint?.attempt);
  if (saver !== undefined && saver.attempt !== owner) return saver;
  if (owner !== undefined && own.node !== null) return { ...own, startedMs: earliest([own.startedMs, ...starts]) };
  return attempts.at(-1) ?? { ...own, attempt: checkpoint?.attempt ?? null };
}

const earliest = (times: readonly (number | null)[]): number | null => {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
};
