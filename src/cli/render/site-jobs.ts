import type { JobState } from '../../domain/states.ts';
import { renderTable, type Column } from './table.ts';
import { number } from './text.ts';
import type { View } from './view.ts';

/** A live job that uses a limit or a pool, as both documents have it. */
interface SiteJob {
  readonly id: string;
  readonly state: JobState;
  readonly runningTasks: number;
  readonly waitingTasks: number;
}

/** The jobs that use it, and how many of their tasks wait; `last` is a further column. */
export function jobLines<J extends SiteJob>(
  jobs: readonly J[],
  view: View,
  last?: { readonly column: Column; readonly cell: (job: J) => string },
): string[] {
  if (jobs.length === 0) return [`\n${view.style.dim('no live job uses it')}\n`];
  const columns: Column[] = [
    { head: 'JOB', whole: true },
    { head: 'STATE' },
    { head: 'RUNNING', align: 'right' },
    { head: 'WAITING', align: 'right' },
    ...(last === undefined ? [] : [last.column]),
  ];
  const rows = jobs.map((job) => [
    job.id,
    job.state,
    number(job.runningTasks),
    number(job.waitingTasks),
    ...(last === undefined ? [] : [last.cell(job)]),
  ]);
  return ['\n', renderTable(columns, rows, { view })];
}
