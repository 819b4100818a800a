import type { LimitDocument } from '../../app/limit-documents.ts';
import { formatDuration } from '../../domain/units.ts';
import { renderTable } from './table.ts';
import { count, number } from './text.ts';
import type { View } from './view.ts';

/** More of them are for --json. */
const MOST_WORKERS = 20;

/** Who holds turns of a limit, and who waits for some. */
export function limitWorkerLines({ workers, moreWorkers }: LimitDocument, view: View): string[] {
  if (workers.length === 0) return [];
  const more = Math.max(0, workers.length - MOST_WORKERS) + moreWorkers;
  return [
    '\n',
    renderTable(
      [
        { head: 'JOB', whole: true },
        { head: 'TASK' },
        { head: 'NODE' },
        { head: 'HOLDS', align: 'right' },
        { head: 'UNTIL' },
        { head: 'WAITING', align: 'right' },
        { head: 'NEXT' },
        { head: 'HAD', align: 'right' },
        { head: 'HEARD', align: 'right' },
      ],
      workers
        .slice(0, MOST_WORKERS)
        .map(({ job, task, node, held, waitingCalls, nextAt, had, silentMs }) => [
          job,
          task,
          node ?? '',
          held === null ? '' : heldWords(held),
          held === null ? '' : timeOfDay(held.until),
          waitingCalls === 0 ? '' : number(waitingCalls),
          nextAt === null ? '' : timeOfDay(nextAt),
          number(had),
          `${formatDuration(silentMs)} ago`,
        ]),
      { view },
    ),
    ...(more === 0 ? [] : [`${view.style.dim(`and ${count(more, 'more worker')} with less; see --json`)}\n`]),
  ];
}

const heldWords = ({ units, unit }: NonNullable<LimitDocument['workers'][number]['held']>): string =>
  unit === 'requests' ? number(units) : `${number(units)} ${unit}`;

/** `00:00:03` of an ISO moment. */
export const timeOfDay = (iso: string): string => iso.slice(11, 19);
