import type {
  LimitDeleteDocument,
  LimitDocument,
  LimitFigures,
  LimitListDocument,
  LimitSetDocument,
} from '../../app/limit-documents.ts';
import { formatAmount, limitSetCommand } from '../../domain/limit-rate.ts';
import { formatDuration } from '../../domain/units.ts';
import { limitWorkerLines, timeOfDay } from './limit-workers.ts';
import { jobLines } from './site-jobs.ts';
import { renderTable } from './table.ts';
import { count, minute, number, percent, printable, rate } from './text.ts';
import type { View } from './view.ts';

const WORDS = { created: 'is set', changed: 'is changed', same: 'is as it was' } as const;
const EVERY = { hour: 'this hour', day: 'today', month: 'this month' } as const;

/** What became of it. */
export function renderLimitSet({ outcome, limit, before }: LimitSetDocument, { style }: View): string {
  const was = outcome === 'changed' && before !== null ? `  before: ${said(before)}\n` : '';
  return `${style.bold(limit.name)} ${WORDS[outcome]}: ${printable(limit.words)}\n${was}`;
}

export const renderLimitDelete = ({ figures }: LimitDeleteDocument, { style }: View): string =>
  `${style.bold(figures.name)} is deleted; it was ${said(figures)}\n`;

/** What makes the deleted limit what it was. */
export const setAgainCommand = ({ figures: { name, rates, ...rest } }: LimitDeleteDocument): string =>
  limitSetCommand(name, { ...rest, rates: Object.fromEntries(rates.map(({ unit, ...rate }) => [unit, rate])) });

const said = ({ words, source }: LimitFigures): string => `${printable(words)} (${printable(source)})`;

/** One line a limit. */
export function renderLimitList({ limits }: LimitListDocument, view: View): string {
  if (limits.length === 0) return '';
  return renderTable(
    [
      { head: 'LIMIT', whole: true },
      { head: 'FIGURES' },
      { head: 'SHARE', align: 'right', paint: (cell) => (cell.trim() === '100%' ? cell : view.style.warn(cell)) },
      { head: 'AHEAD', align: 'right' },
      { head: '429S', align: 'right' },
      { head: 'LOWERED', align: 'right' },
      { head: 'SET BY' },
    ],
    limits.map(({ figures, share, soldAheadMs, answers429, refusals }) => [
      figures.name,
      figures.words,
      percent(share, 1),
      soldAheadMs === 0 ? '' : formatDuration(soldAheadMs),
      number(answers429),
      number(refusals),
      figures.source,
    ]),
    { view },
  );
}

/** Figures, what they sell, what is left of quotas, and the jobs. */
export function renderLimit(document: LimitDocument, view: View): string {
  const { figures, share, sold, windows } = document;
  const { style } = view;
  const fact = (label: string, text: string): string => `${style.dim(label.padEnd(12))}${text}\n`;
  return [
    fact('limit', style.bold(figures.name)),
    fact('figures', printable(figures.words)),
    fact('set by', `${printable(figures.source)}, ${minute(figures.setAt)} UTC`),
    fact(
      'sells',
      share === 1
        ? effectiveWords(sold)
        : style.warn(`${effectiveWords(sold)}: the provider refused calls, and it grows back`),
    ),
    ...(document.answers429 + document.refusals === 0 ? [] : [fact('429s', refusalWords(document))]),
    fact('ahead', aheadWords(document)),
    ...sold.map((unit, index) => fact(index === 0 ? 'sold' : '', soldWords(unit))),
    ...windows.map((window, index) => fact(index === 0 ? 'quotas' : '', windowWords(window))),
    ...jobLines(document.jobs, view, nextTurn),
    ...limitWorkerLines(document, view),
  ].join('');
}

/** `about 1,234 since 2026-11-20 23:31 UTC, 3 lowerings, lately at 2026-11-20 23:59 UTC`. */
function refusalWords({ answers429, since, refusals, refusedAt }: LimitDocument): string {
  const lately = refusedAt === null ? '' : `, lately at ${minute(refusedAt)} UTC`;
  return `about ${number(answers429)} since ${minute(since)} UTC, ${count(refusals, 'lowering')}${lately}`;
}

const effectiveWords = (sold: LimitDocument['sold']): string =>
  sold
    .map(
      ({ unit, statedPerSec, ofPerSec }) =>
        `${printable(unit)} ${rate(ofPerSec)} (${percent(ofPerSec, statedPerSec)} of ${rate(statedPerSec)})`,
    )
    .join(', ');

const aheadWords = ({ soldUntil, soldAheadMs }: LimitDocument): string => {
  if (soldUntil === null) return 'nothing was sold yet';
  return soldAheadMs === 0
    ? `nothing: the next call has its turn at once (last sold ${minute(soldUntil)} UTC)`
    : `sold for the next ${formatDuration(soldAheadMs)}`;
};

const soldWords = ({ unit, units, perSec, ofPerSec }: LimitDocument['sold'][number]): string => {
  const speed = perSec === null ? '' : `; ${rate(perSec)} of ${rate(ofPerSec)} (${percent(perSec, ofPerSec)})`;
  return `${number(units)} ${printable(unit)} in all${speed}`;
};

const windowWords = ({ unit, amount, used, every, zone, until }: LimitDocument['windows'][number]): string =>
  `${number(used)} of ${formatAmount(amount)} ${printable(unit)} ${EVERY[every]} (${percent(used, amount)}), anew at ${minute(until)} UTC${zone === 'UTC' ? '' : ` (${zone})`}`;

const nextTurn = {
  column: { head: 'NEXT TURN (UTC)' },
  cell: ({ nextAt }: LimitDocument['jobs'][number]): string => (nextAt === null ? '' : timeOfDay(nextAt)),
};

/** `openai: requests 3000/min; sells requests 35/s (69% of 50/s), 12 s ahead; 38 of 200 tasks wait; 429s: about 1,234, 3 lowerings`. */
export function limitSentence(document: LimitDocument): string {
  const { figures, sold, answers429, refusals, jobs } = document;
  const sum = (key: 'runningTasks' | 'waitingTasks'): number => jobs.reduce((total, job) => total + job[key], 0);
  const waiting = `${number(sum('waitingTasks'))} of ${count(sum('runningTasks'), 'task')} wait`;
  const refused =
    answers429 + refusals === 0 ? 'no 429s' : `429s: about ${number(answers429)}, ${count(refusals, 'lowering')}`;
  const ahead = document.soldAheadMs === 0 ? 'nothing ahead' : `${formatDuration(document.soldAheadMs)} ahead`;
  return `${figures.name}: ${printable(figures.words)}; sells ${effectiveWords(sold)}, ${ahead}; ${waiting}; ${refused}`;
}
