/** Lines of logs as they are stored, one JSON object a line, and how much of them a job keeps. */

/** In rising order. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const levelRank = (level: LogLevel): number => LOG_LEVELS.indexOf(level);

/** How much handlers may write. */
export interface LogSpec {
  /** Least level that is kept. */
  readonly level: LogLevel;
  /** Most bytes of the log of one attempt at a task. */
  readonly bytes: number;
  /** Most bytes of what one try at an item writes. */
  readonly itemBytes: number;
}

export const DEFAULT_LOGS: LogSpec = { level: 'debug', bytes: 4 * 1024 ** 2, itemBytes: 64 * 1024 };

/** What a stored line says; what it does not say is null. */
export interface ReadLine {
  readonly timeMs: number | null;
  readonly level: LogLevel | null;
  readonly item: string | null;
  readonly message: string;
  /** Everything else it has. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The numbers of pino, which other programs may write too. */
const NUMBERED: Readonly<Record<number, LogLevel>> = {
  10: 'debug',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'error',
};

/** Fields that each line has, so that they say nothing about this one. */
const BINDINGS = new Set(['time', 'level', 'msg', 'item', 'job', 'task', 'attempt', 'node', 'slurmJobId']);

/** Null for a line that no log wrote: text, JSON of a program, or a torn line. */
export function readLogLine(text: string): ReadLine | null {
  if (!text.startsWith('{')) return null;
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { msg, item } = record;
  if (typeof msg !== 'string' || !('level' in record)) return null;
  return {
    timeMs: timeOf(record['time']),
    level: levelOf(record['level']),
    item: typeof item === 'string' ? item : null,
    message: msg,
    fields: Object.fromEntries(Object.entries(record).filter(([key]) => !BINDINGS.has(key))),
  };
}

function timeOf(time: unknown): number | null {
  const ms = typeof time === 'number' ? time : typeof time === 'string' ? Date.parse(time) : NaN;
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? ms : null;
}

function levelOf(level: unknown): LogLevel | null {
  if (typeof level === 'number') return NUMBERED[level] ?? null;
  return LOG_LEVELS.find((known) => known === level) ?? null;
}
