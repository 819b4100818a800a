import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTxt } from '../../../../src/backends/input/txt.ts';
import { collectRecords, inPieces } from '../../../support/input-records.ts';

const read = (text: Uint8Array, sizes: number[] = [], idField?: string) =>
  collectRecords(readTxt(inPieces(text, sizes), { file: 'in.txt', idField }));

describe('plain text', () => {
  it('gives each line that is not blank as a JSON string', async () => {
    const line = fc.string({ unit: 'binary' }).map((text) =>
      text
        .replaceAll(/[\r\n]/g, '')
        .replaceAll('\u0000', '')
        .replace(/^\uFEFF/, ''),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (lines, size) => {
        const text = lines.join('\n');
        const seen = await read(Buffer.from(`\uFEFF${text}`), [size]);
        const expected = text
          .split('\n')
          .map((value, index) => ({ value, line: index + 1 }))
          .filter(({ value }) => /[^ \t]/.test(value));
        expect(seen.map(({ value, line: at }) => ({ value, line: at }))).toEqual(expected);
      }),
    );
  });

  it('calls invalid UTF-8 a bad record', async () => {
    const seen = await read(Buffer.from('good\nb\xffd\n', 'latin1'));
    expect(seen.map(({ value, bad }) => [value, bad?.message])).toEqual([
      ['good', undefined],
      ['b\uFFFDd', 'the line is not valid UTF-8'],
    ]);
  });

  it('has no fields to take an id from', async () => {
    await expect(read(Buffer.from('a\n'), [], 'doc')).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringContaining('"doc"') as string,
    });
  });
});
