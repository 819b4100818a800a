import type { ListDocument } from '../../app/documents.ts';
import type { JobState } from '../../domain/states.ts';
import { paintOf } from './status.ts';
import { renderTable } from './table.ts';
import { minute, number, percent } from './text.ts';
import type { View } from './view.ts';

/** One line a job. Whose they are is shown where they are of several people. */
export function renderList({ jobs }: ListDocument, view: View): string {
  if (jobs.length === 0) return '';
  const isShared = new Set(jobs.map(({ user }) => user)).size > 1;
  return renderTable(
    [
      { head: 'JOB', whole: true },
      { head: 'NAME' },
      ...(isShared ? [{ head: 'USER' }] : []),
      { head: 'STATE', paint: (cell) => paintOf(cell.trim() as JobState, view.style)(cell) },
      { head: 'ITEMS', align: 'right' },
      { head: 'DONE', align: 'right' },
      { head: 'FAILED', align: 'right' },
      { head: 'CREATED (UTC)' },
      { head: 'REASON' },
    ],
    jobs.map(({ id, name, user, state, items, createdAt, reason }) => [
      id,
      name,
      ...(isShared ? [user ?? ''] : []),
      state,
      number(items.total),
      percent(items.succeeded + items.failed, items.total),
      number(items.failed),
      minute(createdAt),
      reason ?? '',
    ]),
    { view },
  );
}
