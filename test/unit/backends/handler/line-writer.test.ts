import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineWriter } from '../../../../src/backends/handler/line-writer.ts';

const linesOf = (chunks: readonly (Uint8Array | string)[]): string[] => {
  const lines: string[] = [];
  const writer = createLineWriter((line) => lines.push(line));
  for (const chunk of chunks) writer.write(chunk);
  writer.end();
  return lines;
};

describe('line writer', () => {
  it('gives the same lines however the bytes are cut, characters of several bytes included', () => {
    const text = fc
      .array(fc.constantFrom('a', 'é', '😀', '\n', '\r\n', 'word '), { maxLength: 60 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index] ?? 0, end));
        const expected = whole.split(/\r?\n/).filter((line) => line !== '');
        expect(linesOf(chunks)).toEqual(expected);
      }),
    );
  });

  it('gives a line without end in pieces, in bounded memory', () => {
    const lines = linesOf(Array.from({ length: 100 }, () => 'x'.repeat(1_000)));
    expect(lines.join('')).toHaveLength(100_000);
    expect(Math.max(...lines.map(({ length }) => length))).toBe(16 * 1024);
  });
});
