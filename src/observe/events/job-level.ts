/** Events of a job as a whole, read off its own items; pure. */
import type { BreakerItem } from '../../domain/breaker.ts';
import { counted } from '../../domain/counted.ts';
import type { JobEvent } from '../../domain/history.ts';
import type { JobId } from '../../domain/ids.ts';
import type { JobMeta, SubmissionItem } from '../../domain/job-item.ts';
import type { LifecycleEvent, LifecycleKind } from '../../domain/lifecycle-event.ts';
import type { AvoidedNode } from '../../domain/nodes.ts';
import { isFinalJobState, type JobState } from '../../domain/states.ts';
import type { TurnsItem } from '../../domain/turns.ts';
import { shortHash } from '../short-hash.ts';

/** What a job's own partition says. */
export interface JobFacts {
  readonly job: JobId;
  readonly meta: JobMeta;
  readonly submissions: readonly (SubmissionItem & { readonly id: string })[];
  /** What people did, by the id of the item. */
  readonly people: ReadonlyMap<string, JobEvent>;
  /** By fingerprint. */
  readonly breakers: ReadonlyMap<string, BreakerItem>;
  readonly avoided: readonly AvoidedNode[];
  /** Of its group; null: it has none. */
  readonly turns: TurnsItem | null;
}

export function jobLevelEvents(facts: JobFacts): LifecycleEvent[] {
  return [
    ...lifeEvents(facts.meta),
    ...facts.submissions.flatMap(arrayEvents),
    ...peopleEvents(facts),
    ...[...facts.breakers].flatMap(([fingerprint, breaker]) => breakerEvent(fingerprint, breaker, facts.meta)),
    ...facts.avoided.map((node) => nodeEvent(node, facts.meta)),
    ...turnEvents(facts),
  ];
}

const ENDS: Partial<Record<JobState, LifecycleKind>> = {
  COMPLETED: 'completed',
  COMPLETED_WITH_FAILURES: 'completed-with-failures',
  FAILED: 'failed',
};

/** A cancelled job ends with what the person did who cancelled it. */
function lifeEvents(meta: JobMeta): LifecycleEvent[] {
  const { generation, state, finishedMs, updatedMs, publication, waitingFor } = meta;
  const events: LifecycleEvent[] = [
    {
      id: 'submitted',
      kind: 'submitted',
      atMs: meta.createdMs,
      exact: true,
      generation: 0,
      text: `job ${meta.name} was submitted`,
    },
  ];
  if (publication !== undefined) {
    const ofGeneration = Number(/^g(\d{1,9})-/.exec(publication)?.[1] ?? 0);
    const exact = finishedMs !== undefined && ofGeneration === generation && state !== 'CANCELLED';
    events.push({
      id: `published/${publication}`,
      kind: 'published',
      // A job that was opened again has forgotten when it ended, but not when it was opened.
      atMs: exact ? finishedMs : (meta.reopenedMs ?? updatedMs),
      exact,
      generation: ofGeneration,
      text: `published output ${publication}`,
    });
  }
  const end = ENDS[state];
  if (end !== undefined)
    events.push({
      id: `ended/g${generation}`,
      kind: end,
      atMs: finishedMs ?? updatedMs,
      exact: finishedMs !== undefined,
      generation,
      text: meta.reason ?? (end === 'completed' ? 'every item succeeded' : 'the job ended'),
    });
  if (waitingFor !== undefined && !isFinalJobState(state))
    events.push({
      id: `waiting/g${generation}/${shortHash(waitingFor)}`,
      kind: 'waiting',
      atMs: updatedMs,
      exact: false,
      generation,
      text: waitingFor,
    });
  return events;
}

function arrayEvents(row: JobFacts['submissions'][number]): LifecycleEvent[] {
  if (row.kind !== 'array') return [];
  const { id, wave, elements, handle, submittedMs, throttle, generation = 0 } = row;
  const common = { generation, wave, elements, ...(handle === undefined ? {} : { handle }) };
  const events: LifecycleEvent[] = [];
  if (submittedMs !== undefined)
    events.push({
      ...common,
      id: `array/${id}/submitted`,
      kind: 'array-submitted',
      atMs: submittedMs,
      exact: true,
      text: `array ${handle ?? ''} of ${counted(elements, 'element')} for wave ${wave} was accepted`,
    });
  if (row.state === 'REJECTED')
    events.push({
      ...common,
      id: `array/${id}/refused`,
      kind: 'array-refused',
      atMs: row.sentMs ?? row.createdMs,
      exact: row.sentMs !== undefined,
      text: `an array for wave ${wave} was refused: ${row.reason ?? 'no reason given'}`,
    });
  if (throttle !== undefined)
    events.push({
      ...common,
      id: `array/${id}/throttled/${throttle.atMs ?? throttle.most}`,
      kind: 'array-throttled',
      atMs: throttle.atMs ?? submittedMs ?? row.createdMs,
      exact: throttle.atMs !== undefined,
      text: `array ${handle ?? ''}: at most ${throttle.most} elements at once: ${throttle.why}`,
    });
  return events;
}

const DONE_BY_PEOPLE: Record<JobEvent['kind'], LifecycleKind> = {
  pause: 'paused',
  resume: 'resumed',
  cancel: 'cancelled',
  retry: 'retried',
};

/** Each retry is the first thing of its generation: what is stored has no generation of its own. */
function peopleEvents({ people, meta }: Pick<JobFacts, 'people' | 'meta'>): LifecycleEvent[] {
  let { generation } = meta;
  const newestFirst = [...people].toSorted(([a, one], [b, other]) => other.atMs - one.atMs || (a < b ? 1 : -1));
  return newestFirst.map(([id, { kind, atMs, text, by }]) => {
    const event = { id: `person/${id}`, kind: DONE_BY_PEOPLE[kind], atMs, exact: true, generation, text, by };
    if (kind === 'retry') generation = Math.max(0, generation - 1);
    return event;
  });
}

function breakerEvent(fingerprint: string, breaker: BreakerItem, { generation, updatedMs }: JobMeta): LifecycleEvent[] {
  const { state, cause, tasks, example, untilMs, pauseMs, failedCanaries = 0 } = breaker;
  if (state !== 'OPEN' && state !== 'HALF') return [];
  const exact = state === 'OPEN' && failedCanaries === 0 && untilMs !== undefined && pauseMs !== undefined;
  return [
    {
      id: `held-back/g${generation}/${fingerprint}`,
      kind: 'failures-held-back',
      atMs: exact ? untilMs - pauseMs : updatedMs,
      exact,
      generation,
      text: `${tasks} ${tasks === 1 ? 'task waits' : 'tasks wait'} with ${cause}: ${example}`,
      cause,
      about: fingerprint,
    },
  ];
}

const nodeEvent = ({ node, sinceMs, why }: AvoidedNode, { generation }: JobMeta): LifecycleEvent => ({
  id: `node/${node}/${sinceMs}`,
  kind: 'node-avoided',
  atMs: sinceMs,
  exact: true,
  generation,
  text: `node ${node} is avoided: ${why}`,
  node,
});

function turnEvents({ job, meta, turns }: JobFacts): LifecycleEvent[] {
  if (turns === null) return [];
  const about = `group ${meta.group ?? ''}`;
  const eventOf = (kind: 'turn-taken' | 'turn-waiting', text: string) => (entry: TurnsItem['line'][number]) => ({
    id: `${kind}/g${entry.generation}`,
    kind,
    atMs: entry.sinceMs,
    exact: true,
    generation: entry.generation,
    text,
    about,
  });
  const isMine = (entry: { readonly job: JobId }): boolean => entry.job === job;
  return [
    ...turns.line.filter(isMine).map(eventOf('turn-waiting', `the job waits for its turn in ${about}`)),
    ...turns.holders.filter(isMine).map(eventOf('turn-taken', `the job has its turn in ${about}`)),
  ];
}
