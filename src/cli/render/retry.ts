import type { RetryDocument } from '../../app/documents.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import { count, fit, number, printable } from './text.ts';
import type { View } from './view.ts';

const LABEL_WIDTH = 12;
const MOST_LINES = 8;

/** What runs again, by cause and by fingerprint, and how it goes out. */
export function renderRetry(document: RetryDocument, { style, width }: View): string {
  const { jobId, dryRun, items, tasks, generation, state } = document;
  if (items === 0) return `${nothing(document)}\n`;
  const would = dryRun ? ' would' : '';
  const head = `${style.bold(jobId)} ${count(items, 'item')} of ${count(tasks, 'task')}${would} run again${dryRun ? '' : `, generation ${generation}`}`;
  const lines: [label: string, text: string][] = [
    ...labelled('causes', causeLines(document)),
    ...labelled('errors', errorLines(document)),
    ['elements', elementsLine(document)],
  ];
  if (document.unfinished > 0) lines.push(['left alone', leftAlone(document)]);
  if (document.waitingFor !== null) lines.push(['waiting for', printable(document.waitingFor)]);
  if (!dryRun && state === 'PAUSED') lines.push(['', 'the job is paused: they run when it is resumed']);
  if (document.output !== null)
    lines.push(['output', `stays until these are published: ${printable(document.output)}`]);
  const text = lines.map(([label, line]) => {
    const room = label === 'output' ? Number.POSITIVE_INFINITY : width - LABEL_WIDTH;
    return `${style.dim(label.padEnd(LABEL_WIDTH))}${fit(line, room)}\n`;
  });
  return `${head}\n${text.join('')}`;
}

const nothing = (document: RetryDocument): string =>
  document.unfinished === 0
    ? `${document.jobId} has nothing to run again: no ended task has such items`
    : `${document.jobId} has nothing to run again: ${leftAlone(document)}`;

const leftAlone = ({ unfinished }: RetryDocument): string =>
  `${count(unfinished, 'task')} ${unfinished === 1 ? 'has' : 'have'} not ended yet, and only ended tasks can run again`;

const labelled = (label: string, lines: readonly string[]): [string, string][] =>
  lines.map((line, index) => [index === 0 ? label : '', line]);

function causeLines({ causes, succeeded }: RetryDocument): string[] {
  const lines = causes.map(({ cause, items, tasks }) => `${cause}: ${count(items, 'item')} of ${count(tasks, 'task')}`);
  return succeeded === 0 ? lines : [...lines, `${count(succeeded, 'item')} that had succeeded`];
}

function errorLines({ errors }: RetryDocument): string[] {
  const lines = errors
    .slice(0, MOST_LINES)
    .map(({ fingerprint, items, example }) => `${fingerprint}  ${count(items, 'item')}  ${printable(example)}`);
  const hidden = errors.length - lines.length;
  return hidden > 0 ? [...lines, `… and ${number(hidden)} more, see --json`] : lines;
}

function elementsLine({ dryRun, elements, submissions, memoryBytes, timeMs }: RetryDocument): string {
  const each = [
    ...(memoryBytes === null ? [] : [formatBytes(memoryBytes)]),
    ...(timeMs === null ? [] : [formatDuration(timeMs)]),
  ];
  const size = each.length === 0 ? '' : `, each with ${each.join(' and ')}`;
  if (dryRun) return `${count(elements, 'array element')} would be submitted${size}`;
  if (elements === 0) return `none submitted yet${size}`;
  return `${count(elements, 'array element')} as ${submissions.map(({ handle }) => printable(handle)).join(', ')}${size}`;
}
