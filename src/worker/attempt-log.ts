import { DEFAULT_LOGS, levelRank, type LogLevel, type LogSpec } from '../domain/log-line.ts';
import type { Clock } from '../ports/clock.ts';
import type { LogFile } from '../ports/log-file.ts';
import type { Log, LogFields } from '../ports/log.ts';
import { bytesOf, createBoundedLines } from './bounded-lines.ts';
import { bind, fieldsOfTry, lineText, NO_BINDINGS, type Bindings } from './log-text.ts';

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

/** Bytes that one try at an item may still write. */
interface Allowance {
  left: number;
}

export function createAttemptLog({ clock, bindings = {}, spec = DEFAULT_LOGS, file }: AttemptLogOptions): AttemptLog {
  const store = createBoundedLines(spec.bytes, file);
  const whole = bind(NO_BINDINGS, bindings);
  const isoOf = createIsoTimes();
  const line = (level: LogLevel, message: unknown, of: Bindings, fields?: LogFields): string =>
    lineText({ time: isoOf(clock.nowMs()), level, message }, of, fields);
  const say = (message: string, fields: LogFields): void => {
    const text = line('warn', message, NO_BINDINGS, fields);
    if (store.fits('warn', bytesOf(text))) store.push(text);
  };
  const sayLast = (message: string): void => void store.push(line('warn', message, whole, { limit: spec.bytes }));

  const add = (level: LogLevel, text: string, of: Bindings, allowance: Allowance | null): void => {
    const bytes = bytesOf(text);
    if (allowance !== null && bytes > allowance.left) {
      allowance.left = 0;
      store.leaveOut();
      return say('more lines of this try are left out', { ...fieldsOfTry(of.fields), limit: spec.itemBytes });
    }
    if (!store.fits(level, bytes)) {
      store.shut(level);
      store.leaveOut();
      return sayLast(
        level === 'error' || level === 'warn' ? 'log truncated' : 'lines below warn are left out from here',
      );
    }
    if (allowance !== null) allowance.left -= bytes;
    if (!store.push(text)) store.push(line('warn', 'this log is not kept on the disk of the node', whole));
  };
  const bound = (own: () => Bindings, allowance: Allowance | null): Log => {
    const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
      if (levelRank(level) < levelRank(spec.level)) return;
      if (allowance?.left === 0 || !store.isOpen(level)) return store.leaveOut();
      add(level, line(level, message, own(), fields), own(), allowance);
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (more) => bound(bindWhenUsed(own, more), allowance ?? { left: spec.itemBytes }),
    };
  };
  return {
    log: bound(() => whole, null),
    text: () => store.text((leftOut) => line('warn', 'lines were left out', whole, { lines: leftOut })),
    linesFrom: (at, mostBytes) => store.from(at, mostBytes),
    close: () => store.close(),
  };
}

/** Most tries log nothing. */
function bindWhenUsed(outer: () => Bindings, more: LogFields): () => Bindings {
  let bound: Bindings | null = null;
  return () => (bound ??= bind(outer(), more));
}

/** `toISOString`, which is asked for a thousand times within the same second. */
function createIsoTimes(): (ms: number) => string {
  let second = NaN;
  let start = '';
  return (ms) => {
    const at = Math.floor(ms);
    const of = Math.floor(at / 1_000);
    if (of !== second) start = new Date(of * 1_000).toISOString().slice(0, -4);
    second = of;
    return `${start}${String(at - of * 1_000).padStart(3, '0')}Z`;
  };
}
