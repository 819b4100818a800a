import type { LogLine } from '../../app/documents.ts';
import { cellText, jsonText } from './json.ts';
import { printable } from './text.ts';
import type { View } from './view.ts';

/** Fields that every line has and that the prefix shows already, or that mean nothing to a reader. */
const KNOWN_FIELDS = new Set([
  'level',
  'time',
  'msg',
  'job',
  'task',
  'attempt',
  'pid',
  'hostname',
  'node',
  'slurmJobId',
  'v',
]);
const LEVELS: Record<string, string> = {
  '10': 'trace',
  '20': 'debug',
  '30': 'info',
  '40': 'warn',
  '50': 'error',
  '60': 'fatal',
};
// oxlint-disable-next-line no-control-regex -- colours that a handler printed are taken out
const COLOUR_CODES = /\u001b\[[\d;]*m/g;

/**
 * `<task> <attempt> <time> <level> <message> {fields}` for log lines; raw text of an element keeps its words. On a terminal nothing in the text can
 * act on the screen; in a pipe the text keeps its bytes.
 */
export function renderLogLine(line: LogLine, { style }: View, terminal: boolean): string {
  const plain = terminal ? forTerminal : asItIs;
  const prefix = line.task ?? (line.source === 'element' ? line.origin.slice(line.origin.lastIndexOf('/') + 1) : '-');
  const attempt = line.attempt === null ? '' : ` ${printable(line.attempt)}`;
  return `${style.dim(`${printable(prefix)}${attempt}`)} ${contentOf(line, style, plain)}\n`;
}

function contentOf(line: LogLine, style: View['style'], plain: (text: string) => string): string {
  const record = recordOf(line.text);
  if (record === null) return plain(line.text);
  const level = levelOf(record['level']);
  const paint = level === 'error' || level === 'fatal' ? style.bad : level === 'warn' ? style.warn : style.dim;
  const extra = Object.entries(record).filter(([key]) => !KNOWN_FIELDS.has(key));
  const fields = extra.length === 0 ? '' : ` ${printable(jsonText(Object.fromEntries(extra)))}`;
  return `${timeOf(record['time'])}${paint(printable(level))} ${plain(cellText(record['msg']))}${style.dim(fields)}`;
}

function levelOf(level: unknown): string {
  const word = cellText(level ?? 'info');
  return LEVELS[word] ?? word;
}

const asItIs = (text: string): string => text;
const forTerminal = (text: string): string => text.replaceAll(COLOUR_CODES, '').split('\t').map(printable).join('\t');

/** The fields of a line that a log wrote; null for anything else, JSON or not. */
function recordOf(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null;
  try {
    const record = JSON.parse(text) as Record<string, unknown>;
    return 'level' in record && typeof record['msg'] === 'string' ? record : null;
  } catch {
    // A torn or foreign line is shown as it is.
    return null;
  }
}

function timeOf(time: unknown): string {
  if (typeof time === 'string') return `${printable(time)} `;
  return typeof time === 'number' && Math.abs(time) < 8.64e15 ? `${new Date(time).toISOString()} ` : '';
}
