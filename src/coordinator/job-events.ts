/**
 * What people do to a job. The event is written into META together with the state it brings, and from there into an item of its own: whoever comes
 * after a process that died in between writes the same item.
 */
import type { JobEvent } from '../domain/history.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { EVENT_PREFIX, jobEventKey, jobPartition } from '../domain/state-keys.ts';
import type { StateCondition, StateItem, StateTable } from '../ports/state-table.ts';
import type { CoordinatorDeps } from './needs.ts';

export type LastEvent = NonNullable<JobMeta['lastEvent']>;

const MOST_CHARS = 300;

/** One line of at most 300 characters. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MOST_CHARS ? `${line.slice(0, MOST_CHARS - 1)}…` : line;
}

/** An event of this moment, by the user of this process. */
export const newEvent = (
  { clock, host, ids }: Pick<CoordinatorDeps, 'clock' | 'host' | 'ids'>,
  kind: JobEvent['kind'],
  text: string,
): LastEvent => ({
  id: ids.ulid(),
  atMs: clock.nowMs(),
  kind,
  text: oneLine(text),
  by: `${host.user}@${host.hostname}`,
});

/** Holds while nobody has done anything to the job since `meta` was read; keeps a write that arrives late from undoing what came after it. */
export const nothingDoneSince = ({ lastEvent }: JobMeta): StateCondition =>
  lastEvent === undefined
    ? { op: 'absent', path: 'lastEvent' }
    : { op: 'equals', path: 'lastEvent.id', value: lastEvent.id };

/** Gives the last event of META its own item. Repeating it changes nothing. */
export async function keepEvent(state: StateTable, job: JobId, { lastEvent }: JobMeta): Promise<void> {
  if (lastEvent === undefined) return;
  const { id, ...event } = lastEvent;
  await state.createMany([{ key: jobEventKey(job, id), item: event as unknown as StateItem }]);
}

/** What people did, oldest first. The last thing may be known to META alone. */
export async function readEvents(state: StateTable, job: JobId, meta: JobMeta): Promise<JobEvent[]> {
  const events = new Map<string, JobEvent>();
  for await (const { sort, item } of state.query(jobPartition(job), EVENT_PREFIX))
    events.set(sort.slice(EVENT_PREFIX.length), item as unknown as JobEvent);
  if (meta.lastEvent !== undefined) {
    const { id, ...event } = meta.lastEvent;
    events.set(id, event);
  }
  return [...events.values()].toSorted((a, b) => a.atMs - b.atMs);
}
