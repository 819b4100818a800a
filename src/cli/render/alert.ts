import type { AlertListDocument, AlertTestDocument } from '../../app/alert-documents.ts';
import { renderTable } from './table.ts';
import { number, printable } from './text.ts';
import type { View } from './view.ts';

export function renderAlertTest({ channel, to, detail }: AlertTestDocument, { style }: View): string {
  const said = detail === '' ? '' : `: ${printable(detail)}`;
  return `${style.bold(printable(channel))} works: accepted by ${printable(to)}${said}\n`;
}

/** Channels, rules and messages, each in a table of its own; tables without rows are left out. */
export function renderAlertList({ channels, rules, messages }: AlertListDocument, view: View): string {
  const { style } = view;
  const tables = [
    channels.length === 0
      ? ''
      : renderTable(
          [{ head: 'CHANNEL', whole: true }, { head: 'TO' }],
          channels.map(({ name, to }) => [name, to]),
          { view },
        ),
    rules.length === 0
      ? ''
      : renderTable(
          [{ head: 'WHEN', whole: true }, { head: 'FIGURES' }, { head: 'TELLS' }],
          rules.map(({ when, figures, to }) => [when, figures, to.join(', ')]),
          { view },
        ),
    messages.length === 0
      ? ''
      : renderTable(
          [
            { head: 'JOB', whole: true },
            { head: 'EVENT' },
            { head: 'TO' },
            { head: 'STATE', paint: (cell) => (/waiting|given-up/.test(cell) ? style.warn(cell) : cell) },
            { head: 'TRIES', align: 'right' },
            { head: 'SINCE' },
            { head: 'DETAIL' },
          ],
          messages.map(({ jobId, event, to, state, tries, createdAt, detail }) => [
            jobId,
            event,
            to,
            state,
            number(tries),
            createdAt,
            detail ?? '',
          ]),
          { view },
        ),
  ];
  return tables.filter((table) => table !== '').join('\n');
}
