import { describe, expect, it } from 'vitest';
import { readLogLine } from '../../../src/domain/log-line.ts';
import { isWanted, searchedText, type LogFilter } from '../../../src/observe/log-filter.ts';

const line = (fields: Record<string, unknown>): string =>
  JSON.stringify({ time: 0, level: 'info', msg: 'm', ...fields });
const wanted = (filter: LogFilter, text: string, timeMs: number | null = 0): boolean =>
  isWanted(filter, { line: readLogLine(text), timeMs }, false);

describe('lines of a log', () => {
  it.each([
    [{ level: 40 }, 'warn'],
    [{ level: 60 }, 'error'],
    [{ level: 'error' }, 'error'],
    [{ level: 'loud' }, null],
    [{ level: 3 }, null],
  ])('%j has level %s', (fields, level) => expect(readLogLine(line(fields))?.level).toBe(level));

  it.each(['', 'text', '{torn', '[1]', '{"level":"info"}', '{"msg":"m"}', '{"msg":1,"level":"info"}'])(
    '%s is none',
    (text) => expect(readLogLine(text)).toBeNull(),
  );

  it('have times as dates and as numbers, and none that is no date', () => {
    expect(readLogLine(line({ time: '1970-01-01T00:00:01Z' }))?.timeMs).toBe(1_000);
    expect(readLogLine(line({ time: 5 }))?.timeMs).toBe(5);
    for (const time of ['soon', 1e300, null, {}]) expect(readLogLine(line({ time }))?.timeMs).toBeNull();
  });

  it('are wanted by level, item and time', () => {
    expect(wanted({ level: 'warn' }, line({ level: 'error' }))).toBe(true);
    expect(wanted({ level: 'warn' }, line({}))).toBe(false);
    expect(wanted({ level: 'info' }, 'text of a program')).toBe(true);
    expect(wanted({ level: 'warn' }, 'text of a program')).toBe(false);
    expect(wanted({ items: new Set(['a']) }, line({ item: 'a' }))).toBe(true);
    expect(wanted({ items: new Set(['a']) }, line({ item: 'b' }))).toBe(false);
    expect(wanted({ items: new Set(['a']) }, 'text')).toBe(false);
    expect(wanted({ sinceMs: 5 }, line({}), 5)).toBe(true);
    expect(wanted({ sinceMs: 5 }, line({}), 4)).toBe(false);
    expect(wanted({ sinceMs: 5 }, 'text', null)).toBe(false);
    expect(isWanted({ sinceMs: 5 }, { line: null, timeMs: null }, true)).toBe(true);
  });

  it('are searched as they are read: without escapes, and without what every line has', () => {
    const text = line({ msg: 'say "hi"', item: 'i1', errorClass: 'TypeError', n: 5, job: 'j', node: 'n17' });
    const searched = searchedText(readLogLine(text), text);
    for (const part of ['say "hi"', 'TypeError', '5', 'i1']) expect(searched).toContain(part);
    expect(searched).not.toMatch(/n17|level/);
    expect(searchedText(null, 'raw')).toBe('raw');
  });
});
