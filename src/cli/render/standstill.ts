import type { StatusDocument } from '../../app/documents.ts';
import type { Standstill } from '../../domain/standstill.ts';
import { formatDuration } from '../../domain/units.ts';
import { count, minute, printable } from './text.ts';

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

/** Kinds that the state of the job says anyway, with their reason. */
const IN_STATE: readonly Standstill['kind'][] = ['paused', 'splitting', 'merging', 'turn'];

/** For a job of which nothing runs: what most of it waits for, and the command that says the rest. Null where its state says all of it. */
export function idleLine({ job, tasks, standstill }: StatusDocument): string | null {
  const [first, ...others] = standstill.toSorted((a, b) => (b.waiting ?? Infinity) - (a.waiting ?? Infinity));
  if (first === undefined || tasks.running > 0 || IN_STATE.includes(first.kind)) return null;
  if (first.kind === 'sending' && job.reason !== null && others.length === 0) return null;
  const more = others.length === 0 ? '' : `; and ${count(others.length, 'other reason')}`;
  return `${printable(first.says)}${untilWords(first.until, first.inMs)}${more}`;
}

/** What the queue would say could not be asked. */
export const queueProblem = ({ queue }: Pick<StatusDocument, 'queue'>): string[] =>
  queue === undefined || queue.problem === null
    ? []
    : [`what the queue says is not known: ${printable(queue.problem)}`];
