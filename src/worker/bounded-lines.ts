import { levelRank, type LogLevel } from '../domain/log-line.ts';
import type { LogFile } from '../ports/log-file.ts';

/** Lines of a log up to a number of bytes, in memory and, as long as that takes them, in a file. */
export interface BoundedLines {
  isOpen(level: LogLevel): boolean;
  fits(level: LogLevel, bytes: number): boolean;
  /** Takes no more lines of this importance. */
  shut(level: LogLevel): void;
  leaveOut(): void;
  /** Whatever its length. False, once: the file does not take it. */
  push(line: string): boolean;
  /** Null: there is nothing. `tail`: a line about how many were left out. */
  text(tail: (leftOut: number) => string): string | null;
  /** Whole lines from the one with this number on, at least one and no more than `most` bytes where one is shorter. */
  from(line: number, most: number): { readonly text: string; readonly next: number } | null;
  close(): void;
}

/** The rest is for warnings and errors: a chatty handler must not keep its failures from being told. */
const SHARE_OF_CHATTER = 3 / 4;
const isChatter = (level: LogLevel): boolean => levelRank(level) < levelRank('warn');

/** Of a line with its line feed. */
export const bytesOf = (line: string): number => Buffer.byteLength(line) + 1;

export function createBoundedLines(mostBytes: number, file: LogFile | undefined): BoundedLines {
  const kept = createKeptLines();
  let leftOut = 0;
  let isClosed = false;
  let isOnDisk = file !== undefined;
  const shut = { chatter: false, all: false };
  return {
    isOpen: (level) => !isClosed && !shut.all && !(shut.chatter && isChatter(level)),
    fits: (level, bytes) => kept.bytes() + bytes <= mostBytes * (isChatter(level) ? SHARE_OF_CHATTER : 1),
    shut(level) {
      shut.chatter = true;
      shut.all ||= !isChatter(level);
    },
    leaveOut: () => void (leftOut += 1),
    push(line) {
      const whole = `${line}\n`;
      kept.add(whole);
      if (!isOnDisk || file === undefined) return true;
      isOnDisk = file.append(whole);
      return isOnDisk;
    },
    text(tail) {
      if (kept.lines() === 0 && leftOut === 0) return null;
      return kept.between(0, kept.lines()) + (leftOut === 0 ? '' : `${tail(leftOut)}\n`);
    },
    from(line, most) {
      let next = line;
      for (; next < kept.lines(); next += 1) if (next > line && kept.sizeOf(line, next + 1) > most) break;
      return next === line ? null : { text: kept.between(line, next), next };
    },
    close() {
      isClosed = true;
      file?.close();
    },
  };
}

const FIRST_BYTES = 16 * 1024;

/** In one buffer: a hundred thousand strings that live as long as their attempt would be copied by the garbage collector again and again. */
function createKeptLines() {
  let buffer = Buffer.alloc(0);
  /** Where each line ends. */
  const ends: number[] = [];
  const endOf = (lines: number): number => (lines === 0 ? 0 : (ends[lines - 1] as number));
  const sizeOf = (from: number, to: number): number => endOf(to) - endOf(from);
  return {
    lines: () => ends.length,
    bytes: () => endOf(ends.length),
    sizeOf,
    add(line: string): void {
      const start = endOf(ends.length);
      const end = start + Buffer.byteLength(line);
      if (end > buffer.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * buffer.length, end));
        buffer.copy(larger, 0, 0, start);
        buffer = larger;
      }
      buffer.write(line, start);
      ends.push(end);
    },
    between: (from: number, to: number): string => buffer.toString('utf8', endOf(from), endOf(to)),
  };
}
