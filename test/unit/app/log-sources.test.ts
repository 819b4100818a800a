import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linesIn } from '../../../src/app/lines-in.ts';
import { elementLogs, type Given } from '../../../src/app/log-sources.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

async function* cut(bytes: Uint8Array, at: readonly number[]): AsyncGenerator<Uint8Array> {
  const ends = [...at.map((end) => Math.min(end, bytes.length)).toSorted((a, b) => a - b), bytes.length];
  let from = 0;
  for (const end of ends) {
    yield bytes.subarray(from, end);
    from = end;
  }
}

async function all<T>(given: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of given) found.push(one);
  return found;
}

describe('lines of a log', () => {
  it('are the same however the bytes come, and their bytes add up', async () => {
    const piece = fc.constantFrom('a', 'é', '😀', '\n', '\r\n', ' ', 'word');
    const text = fc.array(piece, { maxLength: 50 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(150), { maxLength: 6 }), async (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const lines = await all(linesIn(cut(bytes, cuts)));
        const expected = whole.split(/\r?\n/);
        if (expected.at(-1) === '') expected.pop();
        expect(lines.map((line) => line.text)).toEqual(expected);
        expect(lines.reduce((sum, line) => sum + line.bytes, 0)).toBe(bytes.length);
        for (const { isWhole } of lines.slice(0, -1)) expect(isWhole).toBe(true);
        if (lines.length > 0) expect(lines.at(-1)?.isWhole).toBe(whole.endsWith('\n'));
      }),
    );
  });

  it('of any length cost bounded memory', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (let chunk = 0; chunk < 64; chunk += 1) yield Buffer.alloc(64 * 1024, 120);
      yield Buffer.from('\nnext\n');
    }
    const lines = await all(linesIn(endless()));
    expect(lines).toHaveLength(2);
    expect(lines[0]?.text.length).toBeLessThan(400_000);
    expect(lines[0]?.bytes).toBe(64 * 64 * 1024 + 1);
    expect(lines[1]?.text).toBe('next');
  });
});

describe('output of elements', () => {
  let dir: { readonly path: string; readonly remove: () => void };
  beforeEach(() => {
    dir = makeTempDir('elements');
  });
  afterEach(() => dir.remove());

  it('is given once, in whole lines while it grows, and in the end with what is left', async () => {
    const path = join(dir.path, '4711_3.out');
    mkdirSync(join(dir.path, 'a-directory'));
    writeFileSync(path, 'one\ntw');
    const given: Given = new Map();
    const read = async (mayGrow: boolean): Promise<string[]> => {
      const lines: string[] = [];
      for (const source of await elementLogs(dir.path, { given, mayGrow }))
        for await (const line of source.lines()) lines.push(line);
      return lines;
    };
    expect(await read(true)).toEqual(['one']);
    expect(await read(true)).toEqual([]);
    appendFileSync(path, 'o\nthree');
    expect(await read(true)).toEqual(['two']);
    expect(await read(false)).toEqual(['three']);
    expect(await read(false)).toEqual([]);
    expect(await elementLogs(join(dir.path, 'nowhere'), { given, mayGrow: false })).toEqual([]);
  });

  it('that was removed meanwhile is passed over', async () => {
    const paths = ['4711_1.out', '4711_2.out'].map((name) => join(dir.path, name));
    for (const path of paths) writeFileSync(path, 'line\n');
    const sources = await elementLogs(dir.path, { given: new Map(), mayGrow: false });
    rmSync(paths[0] as string);
    const lines: string[] = [];
    for (const source of sources) for await (const line of source.lines()) lines.push(`${source.origin}: ${line}`);
    expect(lines).toEqual([`${paths[1]}: line`]);
  });

  it('that cannot be read is named', async () => {
    symlinkSync('4711_3.out', join(dir.path, '4711_3.out'));
    const refusal = elementLogs(dir.path, { given: new Map(), mayGrow: false });
    await expect(refusal).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(refusal).rejects.toThrow(join(dir.path, '4711_3.out'));
  });
});
