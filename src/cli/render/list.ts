import type { ListDocument } from '../../app/documents.ts';
import type { JobState } from '../../domain/states.ts';
import { paintOf } from './status.ts';
import { renderTable } from './table.ts';
import { minute, number, percent } from './text.ts';
import type { View } from './view.ts';

/** One line a job. */
export function renderList({ jobs }: ListDocument, view: View): string {
  if (jobs.length === 0) return '';
  return renderTable(
    [
      { head: 'JOB', whole: true },
      { head: 'NAME' },
      { head: 'STATE', paint: (cell) => paintOf(cell.trim() as JobState, view.style)(cell) },
      { head: 'ITEMS', align: 'right' },
      { head: 'DONE', align: 'right' },
      { head: 'FAILED', align: 'right' },
      { head: 'CREATED (UTC)' },
      { head: 'REASON' },
    ],
    jobs.map(({ id, name, state, items, createdAt, reason }) => [
      id,
      name,
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
