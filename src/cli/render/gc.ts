import type { GcDocument } from '../../app/documents.ts';
import { formatBytes } from '../../domain/units.ts';
import { renderTable } from './table.ts';
import { count, number } from './text.ts';
import type { View } from './view.ts';

/** What was, or would be, removed, and the sum. */
export function renderGc({ dryRun, removed }: GcDocument, view: View): string {
  if (removed.length === 0) return 'nothing to remove\n';
  const table = renderTable(
    [
      { head: dryRun ? 'WOULD REMOVE' : 'REMOVED' },
      { head: 'OBJECTS', align: 'right' },
      { head: 'SIZE', align: 'right' },
    ],
    removed.map(({ what, objects, bytes }) => [what, number(objects), formatBytes(bytes)]),
    { view },
  );
  const objects = removed.reduce((sum, each) => sum + each.objects, 0);
  const bytes = removed.reduce((sum, each) => sum + each.bytes, 0);
  return `${table}${dryRun ? 'would free' : 'freed'} ${formatBytes(bytes)} in ${count(objects, 'object')}\n`;
}
