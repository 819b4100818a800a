import type { PoolDeleteDocument, PoolFigures, PoolListDocument, PoolSetDocument } from '../../app/pool-documents.ts';
import { formatDuration } from '../../domain/units.ts';
import { renderTable } from './table.ts';
import { count, number, printable, processes } from './text.ts';
import type { View } from './view.ts';

const WORDS = { created: 'is set', changed: 'is changed', same: 'is as it was' } as const;

/** What became of it, and of those who hold more than there are. */
export function renderPoolSet({ outcome, pool, before, held }: PoolSetDocument, { style }: View): string {
  const was = outcome === 'changed' && before !== null ? `  before: ${said(before)}\n` : '';
  const over = held - pool.slots;
  const left =
    over <= 0
      ? ''
      : pool.kind === 'group'
        ? `  ${count(held, 'job')} run, ${over} more than may: they go on, and no other begins before ${over + 1} have ended\n`
        : `  ${count(held, 'slot')} are held, ${over} more than there are: their holders keep them, and nobody takes one before ${count(over + 1, 'slot')} came back\n`;
  return `${style.bold(pool.name)} ${WORDS[outcome]}: ${printable(pool.words)}\n${was}${style.warn(left)}`;
}

export function renderPoolDelete({ figures, held, waiting }: PoolDeleteDocument, { style }: View): string {
  const isGroup = figures.kind === 'group';
  const holders = isGroup
    ? `${count(held, 'job')} of it still ${held === 1 ? 'runs' : 'run'}`
    : `${count(held, 'slot')} ${held === 1 ? 'is' : 'are'} still held`;
  const waiters = isGroup ? `${count(waiting, 'job')} of it` : processes(waiting);
  const left = [
    ...(held === 0 ? [] : [holders]),
    ...(waiting === 0 ? [] : [`${waiters} ${waiting === 1 ? 'waits' : 'wait'}${isGroup ? '' : ' for nothing'}`]),
  ];
  return `${style.bold(figures.name)} is deleted; it was ${said(figures)}\n${left.length === 0 ? '' : `  ${left.join(', ')}\n`}`;
}

const said = ({ words, source }: PoolFigures): string => `${printable(words)} (${printable(source)})`;

/** One line a pool. */
export const renderPoolList = ({ pools, groups }: PoolListDocument, view: View): string =>
  [poolTable(pools, view), groupTable(groups, view)].filter((table) => table !== '').join('\n');

function poolTable(pools: PoolListDocument['pools'], view: View): string {
  if (pools.length === 0) return '';
  return renderTable(
    [
      { head: 'POOL', whole: true },
      { head: 'HELD', align: 'right' },
      { head: 'SLOTS', align: 'right' },
      { head: 'WAITING', align: 'right' },
      { head: 'LEASE', align: 'right' },
      { head: 'SET BY' },
    ],
    pools.map(({ figures, held, waiting }) => [
      figures.name,
      number(held),
      number(figures.slots),
      number(waiting),
      formatDuration(figures.leaseMs ?? 0),
      figures.source,
    ]),
    { view },
  );
}

function groupTable(groups: PoolListDocument['groups'], view: View): string {
  if (groups.length === 0) return '';
  return renderTable(
    [
      { head: 'GROUP OF JOBS', whole: true },
      { head: 'RUNNING', align: 'right' },
      { head: 'MOST', align: 'right' },
      { head: 'WAITING', align: 'right' },
      { head: 'SET BY' },
    ],
    groups.map(({ figures, held, waiting }) => [
      figures.name,
      number(held),
      number(figures.slots),
      number(waiting),
      figures.source,
    ]),
    { view },
  );
}
