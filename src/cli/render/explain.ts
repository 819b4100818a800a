import type { ExplainDocument, ExplainedItem } from '../../app/explain-documents.ts';
import { formatDuration } from '../../domain/units.ts';
import { carrySentence } from './carry.ts';
import { attemptLines } from './explain-attempt.ts';
import { jobLines } from './explain-job.ts';
import { paintOf } from './status.ts';
import { number, printable } from './text.ts';
import type { View } from './view.ts';

/** A story: a heading, then sentences in the order of what happened. */
export function renderExplain(document: ExplainDocument, view: View): string {
  const { style } = view;
  const { about, jobId, state, reason, job, task, item } = document;
  const why = reason === null ? '' : `: ${printable(reason)}`;
  const head = `${style.bold(jobId)} is ${paintOf(state, style)(state)}${why}`;
  const lines =
    about === 'job' && job !== null
      ? jobLines(job, { id: jobId, state }, view)
      : task === null
        ? []
        : [...(item === null ? [] : [...itemLines(item), '']), ...attemptLines(task, view, item !== null)];
  // Where the rest is the truth, the story of the job needs no word about its copy.
  const copy = document.carry?.seenFrom === 'copy' ? [style.dim(carrySentence(document.carry))] : [];
  return [head, ...copy, ...lines].map((line) => `${line}\n`).join('');
}

function itemLines(item: ExplainedItem): string[] {
  const { itemId, itemIndex, status, attempts, durationMs, errorClass, errorMessage, cause, explanation, rule } = item;
  const tried =
    // An item that was put aside has a failure, but no try that came to an end.
    attempts === null || attempts === 0 || durationMs === null
      ? ''
      : ` after ${number(attempts)} ${attempts === 1 ? 'try' : 'tries'}, the last of ${formatDuration(durationMs)}`;
  const why = cause === null ? [] : [`  ${cause}: ${explanation ?? ''}`];
  const error =
    errorMessage === null
      ? []
      : [`  ${errorClass === null ? '' : `${printable(errorClass)}: `}${printable(errorMessage)}`];
  const index = itemId === String(itemIndex) ? '' : ` (#${itemIndex} of the input)`;
  return [
    `item ${printable(itemId)}${index} ${wordOf(status)}${tried}`,
    ...why,
    ...error,
    ...(rule === null ? [] : [`  not tried again by: ${printable(rule.name)} (${printable(rule.says)})`]),
    `  ${printable(item.standing)}`,
  ];
}

const wordOf = (status: ExplainedItem['status']): string => (status === 'unfinished' ? 'is not finished' : status);
