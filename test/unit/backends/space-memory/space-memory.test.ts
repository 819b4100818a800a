import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHistory, writeHistory } from '../../../../src/backends/space-memory/history-file.ts';
import { createSpaceMemory } from '../../../../src/backends/space-memory/index.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const uid = process.getuid?.() ?? -1;
const history = new Map([['/scratch', [{ atMs: 5, freeBytes: 7, freeInodes: null }]]]);
let tokens = 0;
const memoryIn = (directory: string, of = uid) =>
  createSpaceMemory({ directory, key: 'abc', uid: of, ids: { token: () => `t${(tokens += 1)}` } });

describe('the memory of what was free', () => {
  it('lies in a file and a directory of this user alone', () =>
    withTempDir(async (root) => {
      const directory = join(root, 'cache', 'slurmctl');
      expect(await memoryIn(directory).recall()).toEqual(new Map());
      await memoryIn(directory).remember(history);
      expect(await memoryIn(directory).recall()).toEqual(history);
      expect(readdirSync(directory)).toEqual(['space-abc.json']);
      expect(statSync(directory).mode & 0o777).toBe(0o700);
      expect(statSync(join(directory, 'space-abc.json')).mode & 0o777).toBe(0o600);
    }));

  it('is empty, and no error, where others could have written it, or where nothing can be kept', () =>
    withTempDir(async (root) => {
      const open = join(root, 'open');
      await memoryIn(open).remember(history);
      chmodSync(open, 0o770);
      expect(await memoryIn(open).recall()).toEqual(new Map());
      const other = join(root, 'other');
      await memoryIn(other).remember(history);
      expect(await memoryIn(other, uid + 1).recall()).toEqual(new Map());
      const file = join(root, 'file');
      writeFileSync(file, '');
      await memoryIn(join(file, 'below')).remember(history);
      expect(await memoryIn(join(file, 'below')).recall()).toEqual(new Map());
      const taken = join(root, 'taken');
      mkdirSync(join(taken, 'space-abc.json', 'x'), { recursive: true, mode: 0o700 });
      await memoryIn(taken).remember(history);
      expect(await memoryIn(taken).recall()).toEqual(new Map());
      expect(readdirSync(taken)).toEqual(['space-abc.json']);
    }));

  it('reads what it wrote, and nothing else', () => {
    const amount = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
    const points = fc.array(fc.record({ atMs: amount, freeBytes: amount, freeInodes: fc.option(amount) }));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), points)), (places) => {
        const written = new Map(places);
        expect(readHistory(writeHistory(written))).toEqual(written);
      }),
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(readHistory(text)).toEqual(new Map());
      }),
    );
    for (const places of [
      '[["/a",[{}]]]',
      '[["/a"]]',
      '[[1,[]]]',
      '{}',
      '[["/a",[{"atMs":-1,"freeBytes":1,"freeInodes":1}]]]',
    ])
      expect(readHistory(`{"schema":"slurmctl.space-history/1","places":${places}}`)).toEqual(new Map());
    expect(readHistory('{"schema":')).toEqual(new Map());
  });
});
