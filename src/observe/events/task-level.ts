/** Events of one task, read off its item and off the records of attempts that ended without a commit; pure. */
import { counted } from '../../domain/counted.ts';
import { isCorruptRecord, type AttemptRecord, type CorruptRecord } from '../../domain/history.ts';
import type { TaskId } from '../../domain/ids.ts';
import type { LifecycleEvent, LifecycleKind } from '../../domain/lifecycle-event.ts';
import type { TaskItem } from '../../domain/task-item.ts';

/** @param updatedMs a moment by which everything in the item had happened, for what does not say when */
export function taskEvents(task: TaskId, item: TaskItem, updatedMs: number): LifecycleEvent[] {
  const { state, owner, startedMs, generation } = item;
  const events: LifecycleEvent[] = [];
  // A task that waits for its next attempt has nothing to do with whoever may still be named in it.
  if (state !== 'PENDING' && owner !== undefined && startedMs !== undefined && item.win === undefined)
    events.push(startOf(task, { attempt: owner, generation, startedMs, node: item.node }));
  const { waiting } = item;
  if (owner !== undefined && waiting !== undefined && state === 'RUNNING') {
    const about = `${waiting.kind} ${waiting.name}`;
    events.push({
      ...factsOf(task, { attempt: owner, generation, node: item.node }),
      id: `${attemptId(task, generation, owner)}/waiting/${waiting.kind}/${waiting.name}`,
      kind: 'task-waiting',
      atMs: item.heartbeatMs ?? updatedMs,
      exact: false,
      text: `task ${task} waits for ${about}`,
      about,
    });
  }
  return [...events, ...commitOf(task, item, updatedMs)];
}

function commitOf(task: TaskId, { win, generation }: TaskItem, updatedMs: number): LifecycleEvent[] {
  if (win === undefined) return [];
  const { attempt, ran, rows, failed } = win;
  const common = factsOf(task, { attempt, generation, node: ran?.node });
  const started = ran === undefined ? [] : [startOf(task, { attempt, generation, ...ran })];
  return [
    ...started,
    {
      ...common,
      id: `${attemptId(task, generation, attempt)}/completed`,
      kind: 'task-completed',
      atMs: ran?.finishedMs ?? updatedMs,
      exact: ran !== undefined,
      text: `task ${task} was completed: ${counted(rows, 'item')}, ${failed} of them failed`,
      items: rows,
      failedItems: failed,
    },
  ];
}

/** @param number what the key of the record ends with: it tells the records of a task apart */
export function recordEvents(task: TaskId, number: string, record: AttemptRecord | CorruptRecord): LifecycleEvent[] {
  const id = `task/${task}/record/${number}`;
  if (isCorruptRecord(record)) {
    const { attempt, generation, foundMs, detail } = record;
    const common = factsOf(task, { attempt, generation, node: undefined });
    return [{ ...common, id, kind: 'result-corrupt', atMs: foundMs, exact: true, text: `task ${task}: ${detail}` }];
  }
  const { attempt, generation, node, startedMs, endedMs, cause, decision } = record;
  const started =
    attempt === undefined || startedMs === undefined ? [] : [startOf(task, { attempt, generation, startedMs, node })];
  return [
    ...started,
    {
      ...factsOf(task, { attempt, generation, node }),
      id,
      kind: kindOf(record),
      atMs: endedMs,
      exact: true,
      text: `task ${task}: ${cause}: ${record.detail}; ${record.why}`,
      cause,
      decision,
    },
  ];
}

function kindOf({ decision, cause }: AttemptRecord): LifecycleKind {
  if (decision === 'give-up') return 'task-failed';
  return cause === 'preempted' ? 'task-preempted' : 'task-retrying';
}

interface Tried {
  readonly attempt: LifecycleEvent['attempt'];
  readonly generation: number;
  readonly node: string | undefined;
}

/** A worker may see a task of the next generation too: only both tell one try from another. */
const attemptId = (task: TaskId, generation: number, attempt: string | undefined): string =>
  `task/${task}/g${generation}/${attempt ?? ''}`;

const factsOf = (
  task: TaskId,
  { attempt, generation, node }: Tried,
): Pick<LifecycleEvent, 'task' | 'attempt' | 'generation' | 'node'> => ({
  task,
  generation,
  ...(attempt === undefined ? {} : { attempt }),
  ...(node === undefined ? {} : { node }),
});

function startOf(task: TaskId, tried: Tried & { readonly startedMs: number }): LifecycleEvent {
  const where = tried.node === undefined ? '' : ` on ${tried.node}`;
  return {
    ...factsOf(task, tried),
    id: `${attemptId(task, tried.generation, tried.attempt)}/started`,
    kind: 'task-started',
    atMs: tried.startedMs,
    exact: true,
    text: `task ${task} began${where}`,
  };
}
