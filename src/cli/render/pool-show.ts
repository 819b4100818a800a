import type { GroupJob, PoolDocument, PoolPerson } from '../../app/pool-documents.ts';
import { formatDuration } from '../../domain/units.ts';
import { jobLines } from './site-jobs.ts';
import { renderTable } from './table.ts';
import { count, minute, number, percent, printable, processes } from './text.ts';
import type { View } from './view.ts';

/** Longer lines are for --json. */
const MOST_WAITING = 20;

/** Figures, who holds what, who waits, and the jobs. */
export function renderPool(document: PoolDocument, view: View): string {
  const { figures, waiting, turns } = document;
  const { style } = view;
  const fact = (label: string, text: string): string => `${style.dim(label.padEnd(12))}${text}\n`;
  const first = waiting[0];
  const head = [
    fact(figures.kind, style.bold(figures.name)),
    fact('figures', printable(figures.words)),
    fact('set by', `${printable(figures.source)}, ${minute(figures.setAt)} UTC`),
  ];
  if (turns !== null) return [...head, ...turnLines(turns, view)].join('');
  return [
    ...head,
    fact('held', heldWords(document)),
    fact(
      'waiting',
      first === undefined ? 'nobody' : `${processes(waiting.length)}, the first for ${formatDuration(first.forMs)}`,
    ),
    ...slotLines(document, view),
    ...waitingLines(document, view),
    ...jobLines(document.jobs, view),
  ].join('');
}

function turnLines({ running, waiting }: NonNullable<PoolDocument['turns']>, view: View): string[] {
  const rows = [
    ...running.map((job) => ['runs', ...jobCells(job)]),
    ...waiting.map((job, index) => [`waits, ${index + 1}.`, ...jobCells(job)]),
  ];
  if (rows.length === 0) return [`\n${view.style.dim('no job of it runs or waits')}\n`];
  const columns = [
    { head: 'TURN' },
    { head: 'JOB', whole: true },
    { head: 'STATE' },
    { head: 'USER' },
    { head: 'FOR', align: 'right' as const },
  ];
  return ['\n', renderTable(columns, rows, { view })];
}

const jobCells = ({ job, state, user, forMs }: GroupJob): string[] => [
  job,
  state ?? 'removed',
  user,
  formatDuration(forMs),
];

const heldWords = ({ figures: { slots }, held }: PoolDocument): string =>
  held > slots
    ? `${number(held)}, ${number(held - slots)} more than there are: they were taken when there were more`
    : `${number(held)} of ${number(slots)} (${percent(held, slots)})`;

function slotLines({ slots }: PoolDocument, view: View): string[] {
  const taken = slots.flatMap(({ holder, ...slot }) => (holder === null ? [] : [{ ...slot, holder }]));
  if (taken.length === 0) return [];
  return [
    '\n',
    renderTable(
      [
        { head: 'SLOT', align: 'right' },
        { head: 'STATE', paint: (cell) => (cell.trim() === 'held' ? cell : view.style.warn(cell)) },
        { head: 'JOB', whole: true },
        { head: 'NODE' },
        { head: 'HELD FOR', align: 'right' },
        { head: 'HEARD', align: 'right' },
        { head: 'FENCE', align: 'right' },
        { head: 'NOTE' },
      ],
      taken.map((slot) => [
        String(slot.slot),
        slot.state,
        slot.holder.job,
        slot.holder.node,
        formatDuration(slot.holder.forMs),
        `${formatDuration(slot.holder.silentMs)} ago`,
        number(slot.fence),
        noteOf(slot),
      ]),
      { view },
    ),
  ];
}

function noteOf({ state, evictedBy }: PoolDocument['slots'][number]): string {
  if (state === 'silent') return 'free for the next who asks';
  return evictedBy === null ? '' : `taken away by ${evictedBy}`;
}

function waitingLines({ waiting }: PoolDocument, view: View): string[] {
  if (waiting.length === 0) return [];
  const more = waiting.length - MOST_WAITING;
  return [
    '\n',
    renderTable(
      [
        { head: 'TURN', align: 'right' },
        { head: 'JOB', whole: true },
        { head: 'NODE' },
        { head: 'PRIORITY', align: 'right' },
        { head: 'WAITS FOR', align: 'right' },
      ],
      waiting.slice(0, MOST_WAITING).map((person, index) => [String(index + 1), ...waiterCells(person)]),
      { view },
    ),
    ...(more > 0 ? [view.style.dim(`and ${processes(more)} more\n`)] : []),
  ];
}

const waiterCells = ({ job, node, priority, forMs }: PoolPerson): string[] => [
  job,
  node,
  String(priority),
  formatDuration(forMs),
];

/** `db: 20 slots, lease 1 m; 12 held, 3 processes wait`. */
export function poolSentence(document: PoolDocument): string {
  const { figures, held, waiting, slots, turns } = document;
  if (turns !== null)
    return `${figures.name}: ${printable(figures.words)}; ${count(held, 'job')} ${held === 1 ? 'runs' : 'run'}, ${count(turns.waiting.length, 'job')} ${turns.waiting.length === 1 ? 'waits' : 'wait'}`;
  const evicted = slots.filter(({ state }) => state === 'evicted').length;
  return `${figures.name}: ${printable(figures.words)}; ${number(held)} held${evicted === 0 ? '' : ` (${number(evicted)} taken away)`}, ${processes(waiting.length)} ${waiting.length === 1 ? 'waits' : 'wait'}`;
}

/** Times pass at every look; who holds and who waits is what changes. */
export const poolFacts = ({ figures, held, turns, slots, waiting, jobs }: PoolDocument): unknown => [
  figures,
  held,
  turns === null ? null : [...turns.running, ...turns.waiting].map(({ job, state }) => [job, state]),
  slots.map(({ state, fence }) => [state, fence]),
  waiting.length,
  jobs,
];
