import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDelimited, type DelimitedOptions } from '../../../../src/backends/input/delimited.ts';
import { collectRecords, inPieces } from '../../../support/input-records.ts';

const read = (text: string | Uint8Array, options: Partial<DelimitedOptions> & { sizes?: number[] } = {}) =>
  collectRecords(
    readDelimited(inPieces(Buffer.from(text as string), options.sizes ?? []), {
      file: 'in.csv',
      delimiter: ',',
      ...options,
    }),
  );

const quoted = (field: string): string => `"${field.replaceAll('"', '""')}"`;

describe('CSV and TSV', () => {
  it('reads what an RFC 4180 writer writes, with the line each record starts on', async () => {
    const cell = fc
      .oneof(
        fc.string(),
        fc.constantFrom('', 'a,b', 'say "hi"', 'two\nlines', 'win\r\ndows', '\ttab', ' padded ', 'ünï→😀'),
      )
      .map((text) => text.replaceAll('\u0000', ''));
    const table = fc
      .integer({ min: 1, max: 4 })
      .chain((columns) =>
        fc
          .array(fc.array(cell, { minLength: columns, maxLength: columns }), { maxLength: 8 })
          .map((rows) => ({ columns, rows })),
      );
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom(',' as const, '\t' as const),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 30 }),
        async ({ columns, rows }, delimiter, lineBreak, bom, size) => {
          const names = Array.from({ length: columns }, (_, index) => `c${index}`);
          const records = [names, ...rows].map((row) => row.map(quoted).join(delimiter) + lineBreak);
          const seen = await read((bom ? '\uFEFF' : '') + records.join(''), { delimiter, sizes: [size] });
          const lineOf = (record: number): number => 1 + records.slice(0, record).join('').split('\n').length - 1;
          expect(seen).toEqual(
            rows.map((row, index) => {
              const value = Object.fromEntries(row.map((text, column) => [`c${column}`, text]));
              return { value, json: JSON.stringify(value), line: lineOf(index + 1) };
            }),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('skips blank lines, tolerates mixed line ends and a last line without one', async () => {
    const seen = await read('a,b\r\n\n1,2\n\r\n\r\n3,4\r\n5,6');
    expect(seen.map(({ value, line }) => [value, line])).toEqual([
      [{ a: '1', b: '2' }, 3],
      [{ a: '3', b: '4' }, 6],
      [{ a: '5', b: '6' }, 7],
    ]);
  });

  it('reports ragged records with their raw text and goes on', async () => {
    const seen = await read('a,b,c,d\n1,2,3\n1,2,3,4\n"x\ny",2\n1,2,3,4,5\nlast,2,3,4\n');
    expect(seen.map(({ line, bad }) => [line, bad?.message])).toEqual([
      [2, 'found 3 fields, expected 4'],
      [3, undefined],
      [4, 'found 2 fields, expected 4'],
      [6, 'found 5 fields, expected 4'],
      [7, undefined],
    ]);
    expect(seen[2]?.value).toBe('"x\ny",2');
  });

  it.each([[[1]], [[5]], [[1000]]])(
    'starts afresh on the line behind a misplaced quote (pieces of %j)',
    async (sizes) => {
      const seen = await read('a,b\n1,2\nx "y" z,2\n"p"q,3\n4,5\n"never closed,6\n7,8\n9,10', { sizes });
      expect(seen.map(({ line, value, bad }) => [line, value, bad?.message.slice(0, 30)])).toEqual([
        [2, { a: '1', b: '2' }, undefined],
        [3, 'x "y" z,2', 'a quote in the middle of an un'],
        [4, '"p"q,3', 'a quoted field goes on after i'],
        [5, { a: '4', b: '5' }, undefined],
        [6, '"never closed,6', 'a quote is opened and never cl'],
        [7, { a: '7', b: '8' }, undefined],
        [8, { a: '9', b: '10' }, undefined],
      ]);
    },
  );

  it('takes ids from their column', async () => {
    const seen = await read('doc,x\na,1\n,2\n', { idField: 'doc' });
    expect(seen.map(({ id, bad }) => [id, bad?.message])).toEqual([
      ['a', undefined],
      ['', 'id field "doc" is empty'],
    ]);
  });

  it('calls invalid UTF-8 a bad record, but not a genuine replacement character', async () => {
    const seen = await read(Buffer.concat([Buffer.from('a\n\uFFFD\n'), Buffer.from('x\xff\n', 'latin1')]));
    expect(seen.map(({ bad }) => bad?.message)).toEqual([undefined, 'the record is not valid UTF-8']);
  });

  it.each([
    ['a,a\n', 'in.csv:1: columns 1 and 2 of the header are both named "a"'],
    ['a,,c\n', 'in.csv:1: column 2 of the header has no name'],
    ['a\rb,c\r', 'in.csv:1: column 1 of the header contains a line break'],
    [
      'a,b"\n1,2\n',
      'in.csv:1: the header cannot be read: a quote in the middle of an unquoted field; quote the whole field and write the quote as ""',
    ],
  ])('refuses the header %j', async (text, message) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'INPUT_MALFORMED', message });
  });

  it('refuses an id field that is no column, listing the columns', async () => {
    await expect(read('a,b\n1,2\n', { idField: 'doc' })).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: 'in.csv:1: input.id names the field "doc", but the fields are "a", "b"',
    });
  });

  it('does not swallow the rest of the input behind an open quote', async () => {
    await expect(
      read(`a\n1\n"open\n${'x\n'.repeat(2000)}`, { maxRecordBytes: 1024, sizes: [100] }),
    ).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: 'in.csv:3: the record that starts here is longer than 1.0 KiB',
    });
  });

  it('has no records when there is only a header', async () => expect(await read('a,b\n')).toEqual([]));
});
