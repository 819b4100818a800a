import { DEFAULT_LOGS, levelRank, type LogLevel, type LogSpec } from '../domain/log-line.ts';
import { redactingReplacer, redactText } from '../domain/redact.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogFile } from '../ports/log-file.ts';
import type { Log, LogFields } from '../ports/log.ts';

/**
 * The log of one attempt at one task: JSON lines in memory, on the node's disk, and from time to time in the store (ship-log.ts). Bounded, so that a chatty
 * handler costs no memory, and without secrets. Nothing that goes wrong with it reaches the work.
 */
export interface AttemptLog {
  /** Each child of this log has the bound of one try at an item. */
  readonly log: Log;
  /** Everything logged so far, with how many lines were left out; null when nothing was. */
  text(): string | null;
  /** Whole lines from the one with this number on, at least one and no more than `mostBytes` where one is shorter. */
  linesFrom(line: number, mostBytes: number): { readonly text: string; readonly next: number } | null;
  /** Takes nothing more, on disk or in memory. */
  close(): void;
}

export interface AttemptLogOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Fields of every line. */
  readonly bindings?: LogFields;
  readonly spec?: LogSpec;
  /** Absent: the log dies with the process. */
  readonly file?: LogFile;
}

const MAX_LINE_CHARS = 64 * 1024;
/** The rest is for warnings and errors: a chatty handler must not keep its failures from being told. */
const SHARE_OF_CHATTER = 3 / 4;

/** Bytes that one try at an item may still write. */
interface Allowance {
  left: number;
}

export function createAttemptLog({ clock, bindings = {}, spec = DEFAULT_LOGS, file }: AttemptLogOptions): AttemptLog {
  const store = createBoundedLines(spec.bytes, file);
  const line = (level: LogLevel, message: string, fields: LogFields): string =>
    lineOf({ time: new Date(clock.nowMs()).toISOString(), level, msg: message }, fields);
  const say = (message: string, fields: LogFields): void => void store.push(line('warn', message, fields));

  const add = (level: LogLevel, message: string, fields: LogFields, allowance: Allowance | null): void => {
    if (levelRank(level) < levelRank(spec.level)) return;
    if (allowance?.left === 0 || !store.isOpen(level)) return store.leaveOut();
    const text = line(level, message, fields);
    const bytes = sizeOf(text);
    if (allowance !== null && bytes > allowance.left) {
      allowance.left = 0;
      store.leaveOut();
      return say('more lines of this try are left out', { ...fieldsOfTry(fields), limit: spec.itemBytes });
    }
    if (!store.fits(level, bytes)) {
      store.shut(level);
      store.leaveOut();
      const rest = level === 'error' || level === 'warn' ? 'log truncated' : 'lines below warn are left out from here';
      return say(rest, { ...bindings, limit: spec.bytes });
    }
    if (allowance !== null) allowance.left -= bytes;
    if (!store.push(text)) say('this log is not kept on the disk of the node', bindings);
  };
  const bound = (own: LogFields, allowance: Allowance | null): Log => {
    const at = (level: LogLevel) => (message: string, fields?: LogFields) =>
      add(level, message, { ...own, ...fields }, allowance);
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (more) => bound({ ...own, ...more }, allowance ?? { left: spec.itemBytes }),
    };
  };
  return {
    log: bound(bindings, null),
    text: () => store.text((leftOut) => line('warn', 'lines were left out', { ...bindings, lines: leftOut })),
    linesFrom: (at, mostBytes) => store.from(at, mostBytes),
    close: () => store.close(),
  };
}

/** Which item the lines are of that are left out. */
const fieldsOfTry = (fields: LogFields): LogFields => {
  const { stream: _stream, ...rest } = fields;
  const known = ['job', 'task', 'attempt', 'node', 'slurmJobId', 'item', 'try'];
  return Object.fromEntries(Object.entries(rest).filter(([key]) => known.includes(key)));
};

function createBoundedLines(mostBytes: number, file: LogFile | undefined) {
  const lines: string[] = [];
  let bytes = 0;
  let leftOut = 0;
  let isClosed = false;
  let isOnDisk = file !== undefined;
  const shut = { chatter: false, all: false };
  const isChatter = (level: LogLevel): boolean => levelRank(level) < levelRank('warn');
  return {
    isOpen: (level: LogLevel): boolean => !isClosed && !shut.all && !(shut.chatter && isChatter(level)),
    fits: (level: LogLevel, more: number): boolean =>
      bytes + more <= mostBytes * (isChatter(level) ? SHARE_OF_CHATTER : 1),
    shut(level: LogLevel): void {
      shut.chatter = true;
      shut.all ||= !isChatter(level);
    },
    leaveOut: (): void => void (leftOut += 1),
    /** False, once: the disk does not take it. */
    push(line: string): boolean {
      lines.push(line);
      bytes += sizeOf(line);
      if (!isOnDisk || file === undefined) return true;
      isOnDisk = file.append(`${line}\n`);
      return isOnDisk;
    },
    text(tail: (leftOut: number) => string): string | null {
      if (lines.length === 0 && leftOut === 0) return null;
      return `${[...lines, ...(leftOut === 0 ? [] : [tail(leftOut)])].join('\n')}\n`;
    },
    from(line: number, most: number): { readonly text: string; readonly next: number } | null {
      let next = line;
      for (let size = 0; next < lines.length; next += 1) {
        size += sizeOf(lines[next] ?? '');
        if (next > line && size > most) break;
      }
      return next === line ? null : { text: `${lines.slice(line, next).join('\n')}\n`, next };
    },
    close(): void {
      isClosed = true;
      file?.close();
    },
  };
}

const sizeOf = (line: string): number => Buffer.byteLength(line) + 1;

function lineOf(head: { readonly time: string; readonly level: LogLevel; readonly msg: string }, fields: LogFields) {
  const start = { ...head, msg: redactText(shorten(head.msg)) };
  const text = safeJson({ ...start, ...fields });
  return text.length <= MAX_LINE_CHARS ? text : safeJson({ ...start, ...fieldsOfTry(fields), fields: 'too long' });
}

const shorten = (text: string): string =>
  text.length > MAX_LINE_CHARS / 2 ? `${text.slice(0, MAX_LINE_CHARS / 2)}…` : text;

/** A log line must never fail work: what JSON refuses is written as text. */
function safeJson(value: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(value, redactingReplacer);
  } catch {
    const texts = Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'string' ? inner : safeString(inner),
    ]);
    return JSON.stringify(Object.fromEntries(texts), redactingReplacer);
  }
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '?';
  }
}
