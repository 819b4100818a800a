import type { Clock } from '../ports/clock.ts';
import type { Log, LogFields } from '../ports/log.ts';

/** The log of one attempt at one task: JSON lines in memory, stored with the attempt. Bounded, so that a chatty handler costs no memory. */
export interface AttemptLog {
  readonly log: Log;
  /** What was logged so far; null when nothing was. */
  text(): string | null;
}

export const MAX_LOG_CHARS = 4 * 1024 ** 2;
const MAX_LINE_CHARS = 64 * 1024;

export function createAttemptLog(clock: Clock, maxChars: number = MAX_LOG_CHARS): AttemptLog {
  const lines: string[] = [];
  let chars = 0;
  let full = false;
  const add = (level: string, message: string, fields: LogFields): void => {
    if (full) return;
    const line = lineOf({ time: new Date(clock.nowMs()).toISOString(), level, msg: message }, fields);
    full = chars + line.length + 1 > maxChars;
    const kept = full
      ? lineOf({ time: new Date(clock.nowMs()).toISOString(), level: 'warn', msg: 'log truncated' }, {})
      : line;
    chars += kept.length + 1;
    lines.push(kept);
  };
  const bound = (bindings: LogFields): Log => ({
    debug: (message, fields) => add('debug', message, { ...bindings, ...fields }),
    info: (message, fields) => add('info', message, { ...bindings, ...fields }),
    warn: (message, fields) => add('warn', message, { ...bindings, ...fields }),
    error: (message, fields) => add('error', message, { ...bindings, ...fields }),
    child: (more) => bound({ ...bindings, ...more }),
  });
  return { log: bound({}), text: () => (lines.length === 0 ? null : `${lines.join('\n')}\n`) };
}

function lineOf(head: Readonly<Record<string, string>>, fields: LogFields): string {
  const text = safeJson({ ...head, msg: shorten(String(head['msg'])), ...fields });
  return text.length <= MAX_LINE_CHARS
    ? text
    : safeJson({ ...head, msg: shorten(String(head['msg'])), fields: 'too long' });
}

const shorten = (text: string): string =>
  text.length > MAX_LINE_CHARS / 2 ? `${text.slice(0, MAX_LINE_CHARS / 2)}…` : text;

/** A log line must never fail work: what JSON refuses is written as text. */
function safeJson(value: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner));
  } catch {
    const texts = Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'string' ? inner : safeString(inner),
    ]);
    return JSON.stringify(Object.fromEntries(texts));
  }
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '?';
  }
}
