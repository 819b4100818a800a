/** What people were not told, as it stands in the outbox. */
import type { AlertsItem } from '../domain/alert-items.ts';
import type { JobId } from '../domain/ids.ts';
import { alertsKey } from '../domain/state-keys.ts';
import { readOutbox } from '../observe/alerts/outbox.ts';
import {
  createUndelivered,
  undeliveredTodo,
  undeliveredWords,
  type Undelivered,
} from '../observe/alerts/undelivered.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { UndeliveredDocument } from './pace-documents.ts';

/** Of one job, or of all that keep their state there. Of a job that had nothing to tell the outbox of all jobs is not looked through. */
export async function readUndelivered(
  state: Pick<StateTable, 'query' | 'get'>,
  nowMs: number,
  job?: JobId,
): Promise<readonly Undelivered[]> {
  if (job !== undefined && !(await hasTold(state, job))) return [];
  const counter = createUndelivered(nowMs);
  for await (const { item } of readOutbox(state, job)) counter.add(item);
  return counter.undelivered();
}

/** Episodes are those of its generation; what an earlier one told may still wait. */
async function hasTold(state: Pick<StateTable, 'get'>, job: JobId): Promise<boolean> {
  const alerts = (await state.get(alertsKey(job))) as unknown as AlertsItem | null;
  return alerts !== null && (alerts.generation > 0 || Object.keys(alerts.episodes).length > 0);
}

export function undeliveredDocument(one: Undelivered): UndeliveredDocument {
  const { sinceMs, nextMs, ...rest } = one;
  return {
    ...rest,
    sinceAt: new Date(sinceMs).toISOString(),
    nextAt: nextMs === null ? null : new Date(nextMs).toISOString(),
    says: undeliveredWords(one),
    todo: undeliveredTodo(one),
  };
}
