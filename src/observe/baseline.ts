import type { TaskId } from '../domain/ids.ts';
import type { Whereabouts } from './failing-task.ts';
import type { ObservedTask } from './needs.ts';
import type { TimeSpans } from './time-spans.ts';

/** Where and when a job ran: what its failures are compared with. */
export interface Baseline {
  /** What is counted: items, by the attempts that handed them in; where none did, attempts. */
  readonly of: 'finished items' | 'attempts';
  readonly total: number;
  /** Tasks of the job. */
  readonly tasks: number;
  readonly byNode: ReadonlyMap<string, number>;
  /** By begin of the span. */
  readonly byTime: ReadonlyMap<number, number>;
}

/** Of the whole job; pure. Without it a job of which nothing succeeds would fail on its only node "more than the rest". */
export function baselineOf(
  tasks: readonly ObservedTask[],
  attempts: ReadonlyMap<TaskId, readonly Whereabouts[]>,
  spans: TimeSpans,
): Baseline {
  const byNode = new Map<string, number>();
  const byTime = new Map<number, number>();
  let total = 0;
  const count = (node: string | null, endedMs: number | null, weight: number): void => {
    total += weight;
    if (node !== null) byNode.set(node, (byNode.get(node) ?? 0) + weight);
    if (endedMs === null) return;
    const span = spans.of(endedMs);
    byTime.set(span, (byTime.get(span) ?? 0) + weight);
  };
  for (const { item } of tasks)
    if (item.win?.ran !== undefined) count(item.win.ran.node, item.win.ran.finishedMs, item.win.rows);
  const of = total > 0 ? 'finished items' : 'attempts';
  if (total === 0) for (const those of attempts.values()) for (const one of those) count(one.node, one.endedMs, 1);
  return { of, total, tasks: tasks.length, byNode, byTime };
}
