import type { CarryDocument } from '../../app/documents.ts';
import { formatDuration } from '../../domain/units.ts';
import type { Session } from '../session.ts';
import { number, printable } from './text.ts';

/** How far a spooled job has been carried, in plain words. */
export function carrySentence({
  seenFrom,
  upTo,
  ageMs,
  tasks,
  total,
  complete,
  directory,
  host,
}: CarryDocument): string {
  const age = ageMs === null ? '' : `${formatDuration(ageMs)} ago`;
  const done = `${number(tasks)} of ${number(total)} tasks`;
  if (seenFrom === 'copy') {
    const when = upTo === null ? '' : ` as of ${upTo} (${age})`;
    return `this is a copy${when}; the job lives in the spool ${printable(directory)} (${printable(host)})`;
  }
  if (upTo === null) return 'nothing carried yet';
  return complete ? `everything carried (${done})` : `carried up to ${upTo} (${age}): ${done}`;
}

/** Said after a command whose own work was done: the job is not hurt by what its copy lacks. */
export function noteCarry(session: Session, carry: CarryDocument | undefined, jobId: string): void {
  if (carry === undefined) return;
  const { warn } = session.noteStyle;
  for (const note of carry.notes) session.note(`${warn('warning:')} the copy of job ${jobId}: ${printable(note)}`);
  if (carry.problem === null) return;
  session.note(`${warn('warning:')} not everything of job ${jobId} was carried: ${printable(carry.problem)}`);
  session.note(`  ${carrySentence(carry)}; the job goes on, and the next slurmctl advance ${jobId} carries the rest`);
}
