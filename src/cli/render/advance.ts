import type { AdvanceDocument, TickDocument } from '../../app/documents.ts';
import { formatDuration } from '../../domain/units.ts';
import { paintOf } from './status.ts';
import { printable, printableLines } from './text.ts';
import type { View } from './view.ts';

/** What one pass did: a line a step, then where the job stands. */
export function renderAdvance(
  { jobId, state, steps, nextDueMs }: Omit<AdvanceDocument, 'schema'>,
  { style }: View,
): string {
  const due = nextDueMs === null ? '' : `, next step due in ${formatDuration(nextDueMs)}`;
  const done = steps.length === 0 ? [style.dim('nothing was due')] : steps.map((step) => printable(step));
  return `${style.bold(jobId)} ${paintOf(state, style)(state)}${due}\n${done.map((line) => `  ${line}\n`).join('')}`;
}

/** One block a job that is live. */
export const renderTick = ({ jobs }: TickDocument, view: View): string =>
  jobs
    .map((job) => {
      const error = job.error === null ? '' : `  ${view.style.bad('error:')} ${printableLines(job.error, '    ')}\n`;
      return job.error !== null && job.steps.length === 0
        ? `${view.style.bold(job.jobId)} ${paintOf(job.state, view.style)(job.state)}\n${error}`
        : renderAdvance(job, view) + error;
    })
    .join('');
