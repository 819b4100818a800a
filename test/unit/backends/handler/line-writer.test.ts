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

  it('gives the last state of a line that is written over', () => {
    const bar = Array.from({ length: 5_000 }, (_, n) => `\r${n / 50}% |${'#'.repeat(n / 100)}`);
    expect(linesOf([...bar, '\nnext\r\n', 'a\rb', '\r', '\n', 'x\r\r\n', '\rlast'])).toEqual([
      bar.at(-1)?.slice(1),
      'next',
      'b',
      'x',
      'last',
    ]);
  });

  it('keeps the order of bytes and text', () => {
    const half = Buffer.from('é').subarray(0, 1);
    expect(linesOf([half, 'text\n', Buffer.from('é\n')])).toEqual(['\uFFFDtext', 'é']);
  });

  it('takes binary data for what it is, at once', () => {
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7_919) % 256));
    const lines = linesOf([bytes]);
    expect(lines.join('').length).toBeGreaterThan(100_000);
    expect(linesOf(Array.from({ length: 300 }, (_, n) => bytes.subarray(n * 1_000, (n + 1) * 1_000)))).toEqual(lines);
  });

  describe('of secrets', () => {
    const S = 'Zq9hunter2Zq9';

    it('gives no half of one, wherever a line is cut', () => {
      const place = fc.integer({ min: 15_500, max: 17_000 });
      const carrier = fc.constantFrom(['password=', ' '], ['https://ada:', '@host'], ['"apiKey": "', '"']);
      fc.assert(
        fc.property(place, carrier, fc.nat(40_000), fc.nat(5_000), (before, [name, after], rest, chunk) => {
          const line = `${'word '.repeat(before / 5)}${name}${S}${after}${'more '.repeat(rest / 5)}\n`;
          const size = chunk + 1_000;
          const chunks = Array.from({ length: Math.ceil(line.length / size) }, (_, n) =>
            line.slice(n * size, (n + 1) * size),
          );
          const shown = linesOf(chunks).join('');
          expect(shown).toContain('[redacted]');
          expect(shown).not.toMatch(/Zq9|unter2/);
        }),
      );
    });

    it('hides the rest of a line whose secret is longer than what is kept', () => {
      const lines = linesOf(['fine\n', `password=${S.repeat(10_000)}`, `${S}${S}`, '\nfine again\n']);
      expect(lines).toEqual(['fine', '[redacted]', 'fine again']);
    });

    it('hides a private key that is printed line by line', () => {
      const lines = linesOf([`-----BEGIN PRIVATE KEY-----\n${S}\n`, `${S}=\n-----END PRIVATE KEY-----\nfine\n`]);
      expect(lines.join('\n')).not.toContain(S);
      expect(lines.at(-1)).toBe('fine');
    });
  });
});
