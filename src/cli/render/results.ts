import type { AggregateDocument, ResultsDocument } from '../../app/documents.ts';
import { formatBytes } from '../../domain/units.ts';
import { count, number, printable } from './text.ts';
import type { View } from './view.ts';

/** Where the output lies, how many rows, which columns. */
export function renderResults(results: ResultsDocument, { style }: View): string {
  const fact = (label: string, text: string): string => `${style.dim(label.padEnd(12))}${text}\n`;
  const failed = results.failed === 0 ? '0 failed' : style.bad(`${number(results.failed)} failed`);
  return [
    fact('output', style.info(printable(results.path))),
    ...(results.failed === 0 ? [] : [fact('errors', style.info(printable(results.errorsPath)))]),
    fact('rows', `${number(results.rows)}: ${number(results.succeeded)} succeeded, ${failed}`),
    fact('columns', results.columns.map(({ name, type }) => `${printable(name)} ${printable(type)}`).join(', ')),
  ].join('');
}

/** One line about a copy. */
export const renderDownload = ({ path, rows, bytes }: ResultsDocument, { style }: View): string =>
  `${style.info(printable(path))}: ${count(rows, 'row')}, ${formatBytes(bytes)}\n`;

/** One line about a publication. */
export const renderAggregate = ({ path, rows, failed, published }: AggregateDocument, { style }: View): string =>
  `${published ? 'published' : 'already published'}: ${count(rows, 'row')}, ${number(failed)} failed\n` +
  `${style.info(printable(path))}\n`;
