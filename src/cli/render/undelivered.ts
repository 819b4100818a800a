import type { StatusDocument } from '../../app/documents.ts';
import { count, minute, printable } from './text.ts';

/** Recipients on the screen. */
const MOST_RECIPIENTS = 3;

/** Whom messages did not reach, since when and why, and below it what one can do. */
export function undeliveredLines({ undelivered }: Pick<StatusDocument, 'undelivered'>): string[] {
  const lines = undelivered.slice(0, MOST_RECIPIENTS).flatMap(({ says, sinceAt, nextAt, error, todo }) => {
    const why = error === null ? '' : `: ${printable(error)}`;
    const next = nextAt === null ? '' : `, next try from ${minute(nextAt)} UTC on`;
    return [`${printable(says)}, since ${minute(sinceAt)} UTC${next}${why}`, `  ${printable(todo)}`];
  });
  const hidden = undelivered.length - MOST_RECIPIENTS;
  return hidden > 0 ? [...lines, `… and ${count(hidden, 'more recipient')}: slurmctl alert list`] : lines;
}
