import type { StatusDocument } from '../../app/documents.ts';
import type { Standstill } from '../../domain/standstill.ts';
import { formatDuration } from '../../domain/units.ts';
import { minute, printable } from './text.ts';

/** A line for each thing that keeps the job from running, with when it may end, and below it what one can do. */
export const standstillLines = (found: readonly Standstill[]): string[] =>
  found.flatMap(({ says, until, inMs, todo }) => [
    `${printable(says)}${untilWords(until, inMs)}`,
    ...(todo === null ? [] : [`  ${printable(todo)}`]),
  ]);

function untilWords(until: string | null, inMs: number | null): string {
  if (inMs === 0) return '; due now';
  return until === null || inMs === null ? '' : `; from ${minute(until)} UTC on (in ${formatDuration(inMs)})`;
}

/** What the queue would say could not be asked. */
export const queueProblem = ({ queue }: Pick<StatusDocument, 'queue'>): string[] =>
  queue === undefined || queue.problem === null
    ? []
    : [`what the queue says is not known: ${printable(queue.problem)}`];
