/** `events`: what happened to a job, from what is stored of it; no question to the batch system, no change. */
import { readBreakers } from '../coordinator/breakers.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import { readHistory } from '../coordinator/read-history.ts';
import { readSubmissions } from '../coordinator/submissions.ts';
import { readTasks } from '../coordinator/task-list.ts';
import { readTurns } from '../coordinator/turns.ts';
import type { JobEvent } from '../domain/history.ts';
import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import type { LifecycleEvent } from '../domain/lifecycle-event.ts';
import type { NodesItem } from '../domain/nodes.ts';
import { EVENT_PREFIX, jobPartition, nodesKey } from '../domain/state-keys.ts';
import { isFinalJobState } from '../domain/states.ts';
import { newEvents, type EventSources, type SeenEvents } from '../observe/events/collect.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { LifecycleEventDocument } from './lifecycle-documents.ts';
import { restAfterLook } from './look-again.ts';

export interface EventsRequest {
  readonly job: JobId;
  /** Go on until the job has ended. */
  readonly follow: boolean;
  /** Only what happened at this time (epoch ms) or later, of what had happened when the command began. */
  readonly sinceMs?: number;
  readonly signal?: AbortSignal;
}

/** @throws JOB_NOT_FOUND */
export async function* readLifecycle(
  { state, clock }: { readonly state: StateTable; readonly clock: Clock },
  { job, follow, sinceMs = 0, signal }: EventsRequest,
): AsyncGenerator<LifecycleEventDocument> {
  const seen: SeenEvents = new Set();
  for (let isFirst = true; ; isFirst = false) {
    const startedMs = clock.monotonicMs();
    // The state is read before everything else: what it calls over has left everything else as it will stay.
    const meta = await requireMeta(state, job);
    for (const event of await newEvents(await eventSources(state, job, meta), seen))
      if (!isFirst || event.atMs >= sinceMs) yield lifecycleDocument(job, event);
    if (!follow || isFinalJobState(meta.state)) return;
    await clock.sleep(restAfterLook(clock.monotonicMs() - startedMs), signal);
  }
}

/** Everything that events are read off. */
export async function eventSources(state: StateTable, job: JobId, meta: JobMeta): Promise<EventSources> {
  const { stored } = await readBreakers(state, job);
  const nodes = (await state.get(nodesKey(job))) as NodesItem | null;
  return {
    job,
    meta,
    submissions: await readSubmissions(state, job),
    people: await readPeople(state, job, meta),
    breakers: stored,
    avoided: nodes?.avoided ?? [],
    turns: meta.group === undefined ? null : await readTurns(state, meta.group),
    tasks: tasksOf(state, job, meta),
    records: readHistory(state, job),
  };
}

export const lifecycleDocument = (
  job: JobId,
  { id, kind, atMs, ...event }: LifecycleEvent,
): LifecycleEventDocument => ({
  schema: 'slurmctl.event/1',
  jobId: job,
  id,
  kind,
  at: new Date(atMs).toISOString(),
  ...event,
});

/** The last thing may be known to META alone. */
async function readPeople(state: StateTable, job: JobId, { lastEvent }: JobMeta): Promise<Map<string, JobEvent>> {
  const people = new Map<string, JobEvent>();
  for await (const { sort, item } of state.query(jobPartition(job), EVENT_PREFIX))
    people.set(sort.slice(EVENT_PREFIX.length), item as unknown as JobEvent);
  if (lastEvent !== undefined) {
    const { id, ...event } = lastEvent;
    people.set(id, event);
  }
  return people;
}

async function* tasksOf(state: StateTable, job: JobId, { shards }: JobMeta): EventSources['tasks'] {
  for await (const { id, ...item } of readTasks(state, job, shards)) yield { task: id, item };
}
