import type { Located, LocatedMap } from './located.ts';
import { unexpected, type ReadContext } from './value-type.ts';

export interface RecordList<T> {
  /** What a record is, in one word: `rule`. */
  readonly what: string;
  /** Follows "expected": `a list of rules such as […]`, and `a rule such as {…}`. */
  readonly expected: string;
  readonly expectedRecord: string;
  readonly most: number;
  /** What leads the problems of a record; absent: its number. */
  readonly title?: (item: Located, index: number) => string;
  /** The record, or undefined after telling every problem with it. */
  readonly read: (record: LocatedMap, context: ReadContext, index: number) => T | undefined;
}

/** A list of records, each with its own problems; undefined after telling all of them. */
export function readRecords<T>(value: Located, list: RecordList<T>, context: ReadContext): readonly T[] | undefined {
  const { what, expected, expectedRecord, most } = list;
  if (value.kind !== 'list')
    return unexpected(value, expected, {
      context,
      ...(value.kind === 'map' ? { hint: `Begin each ${what} with - ` } : {}),
    });
  if (value.items.length > most)
    return context.problem(`found ${value.items.length} ${what}s, expected at most ${most}`, { at: value });
  const found = value.items.map((item, index) => {
    const within = recordContext(context, index, list.title?.(item, index) ?? `${what} ${index + 1}`);
    return item.kind === 'map' ? list.read(item, within, index) : unexpected(item, expectedRecord, { context: within });
  });
  return found.includes(undefined) ? undefined : (found as T[]);
}

/** For the problems of one record. */
export const recordContext = (context: ReadContext, index: number, title: string): ReadContext => ({
  path: `${context.path}[${index}]`,
  problem: (message, where) => context.problem(`${title}: ${message}`, where),
});
