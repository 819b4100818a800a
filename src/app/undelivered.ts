/** What people were not told, as it stands in the outbox. */
import type { JobId } from '../domain/ids.ts';
import { readOutbox } from '../observe/alerts/outbox.ts';
import {
  createUndelivered,
  undeliveredTodo,
  undeliveredWords,
  type Undelivered,
} from '../observe/alerts/undelivered.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { UndeliveredDocument } from './pace-documents.ts';

/** Of one job, or of all that keep their state there. */
export async function readUndelivered(
  state: Pick<StateTable, 'query'>,
  nowMs: number,
  job?: JobId,
): Promise<readonly Undelivered[]> {
  const counter = createUndelivered(nowMs);
  for await (const { item } of readOutbox(state, job)) counter.add(item);
  return counter.undelivered();
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
