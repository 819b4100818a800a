import type { RequestCount } from '../../app/documents.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import type { TimingDocument } from '../documents.ts';
import { renderTable } from './table.ts';
import { count, number } from './text.ts';
import type { View } from './view.ts';

/** Wall time, start-up, and a table of what was asked of services, with a sum for each service of several operations. */
export function renderTiming(timing: TimingDocument, view: View): string {
  const { requests } = timing;
  const startUp = timing.startUpMs === null ? '' : `, of which ${duration(timing.startUpMs)} start-up`;
  const total = count(
    requests.reduce((sum, each) => sum + each.requests, 0),
    'request',
  );
  const line = `${view.style.dim('timing:')} ${duration(timing.wallMs)}${startUp}; ${total} to services\n`;
  if (requests.length === 0) return line;
  const right = ['REQUESTS', 'THROTTLED', 'FAILED', 'TIME', 'SENT', 'RECEIVED', 'READ UNITS', 'WRITE UNITS'];
  const columns = [
    { head: 'SERVICE' },
    { head: 'OPERATION' },
    ...right.map((head) => ({ head, align: 'right' }) as const),
  ];
  return line + renderTable(columns, requestRows(requests), { view });
}

/** Finer than what is good enough for a job: `1.24 s`. */
const duration = (ms: number): string =>
  ms >= 1_000 && ms < 60_000 ? `${(ms / 1_000).toFixed(2)} s` : formatDuration(Math.round(ms));

function requestRows(requests: readonly RequestCount[]): string[][] {
  const services = [...new Set(requests.map(({ service }) => service))];
  return services.flatMap((service) => {
    const own = requests.filter((each) => each.service === service);
    const [only] = own;
    return own.length === 1 && only !== undefined
      ? [cells(only)]
      : [...own.map(cells), cells({ ...sumOf(own), service, operation: 'all' })];
  });
}

const FIGURES = [
  'requests',
  'throttled',
  'failed',
  'ms',
  'bytesSent',
  'bytesReceived',
  'readUnits',
  'writeUnits',
] as const;

type Figures = Record<(typeof FIGURES)[number], number>;

const sumOf = (requests: readonly RequestCount[]): Figures =>
  Object.fromEntries(
    FIGURES.map((figure) => [figure, requests.reduce((sum, each) => sum + each[figure], 0)]),
  ) as Figures;

const cells = (row: RequestCount): string[] => [
  row.service,
  row.operation,
  number(row.requests),
  number(row.throttled),
  number(row.failed),
  duration(row.ms),
  formatBytes(row.bytesSent),
  formatBytes(row.bytesReceived),
  number(row.readUnits),
  number(row.writeUnits),
];
