/** Everything that happened to a job, in order, and what of it is new to somebody who comes again. */
import type { AttemptRecord, CorruptRecord } from '../../domain/history.ts';
import type { TaskId } from '../../domain/ids.ts';
import { inOrder, type LifecycleEvent } from '../../domain/lifecycle-event.ts';
import type { TaskItem } from '../../domain/task-item.ts';
import { jobLevelEvents, type JobFacts } from './job-level.ts';
import { recordEvents, taskEvents } from './task-level.ts';

/** The stored facts of one job; each stream is read once. */
export interface EventSources extends JobFacts {
  readonly tasks: AsyncIterable<{ readonly task: TaskId; readonly item: TaskItem }>;
  /** Attempts that ended without a commit; `number` is what the key ends with. */
  readonly records: AsyncIterable<{
    readonly task: TaskId;
    readonly number: string;
    readonly record: AttemptRecord | CorruptRecord;
  }>;
}

/** What somebody has seen of a job's events: their ids, some hundred bytes for each attempt. */
export type SeenEvents = Set<string>;

/**
 * The events that are not in `seen`, in order; they are in it afterwards. An event that was written down late, or by a clock that is behind, may be older than one
 * of an earlier look: what is new is told by its id, never by its time.
 */
export async function newEvents(sources: EventSources, seen: SeenEvents): Promise<LifecycleEvent[]> {
  const found: LifecycleEvent[] = [];
  let first: LifecycleEvent | null = null;
  const note = (event: LifecycleEvent): void => {
    if (event.kind === 'task-started' && (first === null || inOrder(event, first) < 0)) first = event;
    if (seen.has(event.id)) return;
    seen.add(event.id);
    found.push(event);
  };
  // Tasks first: a record is written before its task moves, so an attempt that a task has forgotten by now is in the records.
  for await (const { task, item } of sources.tasks)
    for (const event of taskEvents(task, item, sources.meta.updatedMs)) note(event);
  for await (const { task, number, record } of sources.records)
    for (const event of recordEvents(task, number, record)) note(event);
  for (const event of jobLevelEvents(sources)) note(event);
  const began = startOfJob(sources, first);
  if (began !== null) note(began);
  return found.toSorted(inOrder);
}

/** Of a job of which parts were opened again the first attempt may be forgotten. */
function startOfJob({ meta }: EventSources, first: LifecycleEvent | null): LifecycleEvent | null {
  if (first === null) return null;
  const { atMs, node, task, attempt, generation } = first;
  return {
    id: 'started',
    kind: 'started',
    atMs,
    exact: meta.generation === 0,
    generation,
    text: `the first attempt began${node === undefined ? '' : ` on ${node}`}`,
    ...(task === undefined ? {} : { task }),
    ...(attempt === undefined ? {} : { attempt }),
    ...(node === undefined ? {} : { node }),
  };
}
