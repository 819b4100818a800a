import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonl } from '../../../../src/backends/input/jsonl.ts';
import { collectRecords, inPieces } from '../../../support/input-records.ts';

const read = (text: string | Uint8Array, options: { idField?: string; maxLineBytes?: number; sizes?: number[] } = {}) =>
  collectRecords(
    readJsonl(inPieces(Buffer.from(text as string), options.sizes ?? []), { file: 'in.jsonl', ...options }),
  );

describe('JSON Lines', () => {
  it('gives back the exact bytes and lines, however the bytes arrive', async () => {
    const lines = fc.array(fc.oneof(fc.json(), fc.constant(''), fc.constant('  '), fc.constant(' {"a" : 1.50 } ')), {
      minLength: 1,
    });
    const breaks = fc.constantFrom('\n', '\r\n');
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(
        lines,
        breaks,
        fc.boolean(),
        fc.boolean(),
        sizes,
        async (texts, lineBreak, bom, lastBreak, pieces) => {
          const text = (bom ? '\uFEFF' : '') + texts.join(lineBreak) + (lastBreak ? lineBreak : '');
          const seen = await read(text, { sizes: pieces });
          const expected = texts
            .map((json, index) => ({ json, line: index + 1 }))
            .filter(({ json }) => json.trim() !== '');
          expect(seen.map(({ json, line, bad }) => ({ json, line, bad }))).toEqual(
            expected.map((record) => ({ ...record, bad: undefined })),
          );
        },
      ),
    );
  });

  it('reports a bad record with line and column and goes on behind it', async () => {
    const seen = await read('{"a":1}\n\n{"a":\n{"ü":x}\n{"a":2} {"a":3}\n{"a":4}');
    expect(seen.map(({ line, bad }) => [line, bad?.column, bad?.message])).toEqual([
      [1, undefined, undefined],
      [3, 6, 'found the end of the record, expected a JSON value'],
      [4, 6, 'found "x", expected a JSON value'],
      [5, 9, 'found "{\\"a\\":3}" after the JSON value, expected the end of the line'],
      [6, undefined, undefined],
    ]);
    expect(seen[2]?.value).toBe('{"ü":x}');
  });

  it('calls invalid UTF-8 a bad record and keeps what can be read of it', async () => {
    const seen = await read(Buffer.concat([Buffer.from('"a\xff"\n', 'latin1'), Buffer.from('"ok"\n')]));
    expect(seen[0]).toEqual({
      value: '"a\uFFFD"',
      json: '"\\"a\uFFFD\\""',
      line: 1,
      bad: { message: 'the line is not valid UTF-8' },
    });
    expect(seen[1]).toMatchObject({ value: 'ok', line: 2 });
  });

  it('cuts the raw text of a bad record at 64 KiB', async () => {
    const [record] = await read(`{"a":${'x'.repeat(100_000)}`);
    expect(record?.value).toHaveLength(64 * 1024);
  });

  it('takes ids, and calls records without a usable one bad', async () => {
    const seen = await read('{"id":"a"}\n{"id":9007199254740993}\n{"x":1}\n[1]\n{"id":null}\n', { idField: 'id' });
    expect(seen.map(({ id, bad }) => [id, bad?.message])).toEqual([
      ['a', undefined],
      ['9007199254740993', undefined],
      ['', 'id field "id" is missing'],
      ['', 'id field "id" is missing'],
      ['', 'id field "id" is null, expected a string or an integer'],
    ]);
  });

  it.each([
    [Buffer.from('{"a":1}\n\u0000\n'), 'in.jsonl: not text: byte 0x00 at offset 8'],
    [Buffer.from([0x1f, 0x8b, 8, 0]), 'in.jsonl: not UTF-8 text: it begins like gzip data'],
    [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), 'in.jsonl: not UTF-8 text: it begins like zstd data'],
    [Buffer.from('PAR1 and so on'), 'in.jsonl: not UTF-8 text: it begins like a Parquet file'],
    [Buffer.from('\uFEFF{"a":1}', 'utf16le'), 'in.jsonl: not UTF-8 text: it begins like UTF-16 text'],
  ])('refuses binary data at once (%#)', async (bytes, message) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'INPUT_MALFORMED', message });
  });

  it('refuses a line beyond the limit, naming it', async () => {
    const text = `1\n2\n"${'x'.repeat(5000)}"\n`;
    await expect(read(text, { maxLineBytes: 1024, sizes: [100] })).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: 'in.jsonl:3: the line is longer than 1.0 KiB',
      hint: expect.stringContaining('jq -c') as string,
    });
  });
});
