/** Attempts that a `retry` has left behind, and no record of a failure tells of: results that it replaced, and what a cancel before it had ended. */
import { readEvents } from '../coordinator/job-events.ts';
import type { JobEvent } from '../domain/history.ts';
import type { JobId, TaskId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { redoKey } from '../domain/keys.ts';
import type { RedoRecord } from '../domain/redo.ts';
import type { TaskItem } from '../domain/task-item.ts';
import { explanationOf, ofWinner, UNKNOWN } from './explain-committed.ts';
import type { ExplainedAttempt } from './explain-documents.ts';
import type { Drivers } from './job-backends.ts';

/** One generation of the task after the other, oldest first; none for a task that was never opened again. */
export async function earlierAttempts(
  drivers: Pick<Drivers, 'state' | 'store'>,
  job: JobId,
  { id, item, meta }: { readonly id: TaskId; readonly item: TaskItem; readonly meta: JobMeta },
): Promise<ExplainedAttempt[]> {
  if (item.generation === 0) return [];
  const retries = (await readEvents(drivers.state, job, meta)).filter(({ kind }) => kind === 'retry');
  const found: ExplainedAttempt[] = [];
  for (let generation = 1; generation <= item.generation; generation += 1) {
    const opened = await openingOf(drivers.store, job, { task: id, generation });
    if (opened === undefined) continue;
    const { attempts, winner, owner, generation: before } = opened.seen;
    const base = { ...UNKNOWN, number: attempts, generation: before };
    if (winner !== undefined) {
      const won = await ofWinner(drivers.store, job, id, { attempt: winner, rows: null });
      found.push({ ...base, ...won, end: 'replaced', why: whoRetried(retries[opened.retry - 1]) });
    } else if (owner !== undefined) {
      const cause = 'cancelled-by-user';
      found.push({ ...base, end: 'cancelled', attempt: owner, cause, explanation: explanationOf(cause) });
    }
  }
  return found;
}

const whoRetried = (event: JobEvent | undefined): string =>
  event === undefined ? 'a retry opened its task again' : `${event.text} (${event.by})`;

/** Undefined where nothing tells: a record that is missing or damaged is the worker's to complain of. */
async function openingOf(
  store: Drivers['store'],
  job: JobId,
  { task, generation }: { readonly task: TaskId; readonly generation: number },
): Promise<RedoRecord['opened']> {
  const bytes = await store.get(redoKey(job, generation, task));
  if (bytes === null) return undefined;
  try {
    return (JSON.parse(new TextDecoder().decode(bytes)) as Partial<RedoRecord> | null)?.opened;
  } catch {
    return undefined;
  }
}
