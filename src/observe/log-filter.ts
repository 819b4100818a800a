/** Which lines of a log are asked for. Pure. */
import { levelRank, type LogLevel, type ReadLine } from '../domain/log-line.ts';

export interface LogFilter {
  /** Lines of these items alone; absent: of all, and of none. */
  readonly items?: ReadonlySet<string>;
  /** This level and above. Text that is no line of a log counts as `info`. */
  readonly level?: LogLevel;
  /** Epoch ms; lines of this time and later. */
  readonly sinceMs?: number;
}

export interface TimedLine {
  /** Null: text that no log wrote. */
  readonly line: ReadLine | null;
  /** Its own time, or that of the last line before it that has one; null: none has. */
  readonly timeMs: number | null;
}

/** @param unknownTime what is done with lines of which nobody knows when they were written */
export function isWanted(
  { items, level, sinceMs }: LogFilter,
  { line, timeMs }: TimedLine,
  unknownTime: boolean,
): boolean {
  if (items !== undefined && (line?.item === undefined || line.item === null || !items.has(line.item))) return false;
  if (level !== undefined && levelRank(line?.level ?? 'info') < levelRank(level)) return false;
  if (sinceMs === undefined) return true;
  return timeMs === null ? unknownTime : timeMs >= sinceMs;
}

/** What a pattern is looked for in: the words of a line and what else it says, as a person sees them. */
export const searchedText = (line: ReadLine | null, text: string): string =>
  line === null ? text : [line.message, ...Object.values(line.fields).map(shown), line.item ?? ''].join('\n');

const shown = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
