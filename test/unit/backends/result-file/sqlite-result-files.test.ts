import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSqliteResultFiles } from '../../../../src/backends/result-file/index.ts';
import type { ItemOutcome } from '../../../../src/domain/outcome.ts';
import type { ResultFiles, SealedResultFile } from '../../../../src/ports/result-file.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

let dir: { readonly path: string; readonly remove: () => void };
let files: ResultFiles;
let path: string;
beforeEach(async () => {
  dir = makeTempDir('results');
  files = await createSqliteResultFiles();
  path = join(dir.path, 'results.sqlite');
});
afterEach(() => dir.remove());

const good = (itemIndex: number, output: string | null = '{"a":1}'): ItemOutcome => ({
  itemId: `id ${itemIndex} é\u0000`,
  itemIndex,
  status: 'succeeded',
  attempts: 1,
  durationMs: 1.5,
  errorClass: null,
  errorMessage: null,
  cause: null,
  output,
});
const bad = (itemIndex: number): ItemOutcome => ({
  ...good(itemIndex, null),
  status: 'failed',
  attempts: 3,
  errorClass: 'TypeError',
  errorMessage: 'it\'s "broken"\n',
  cause: 'handler-error',
});

describe('a result file', () => {
  it('keeps outcomes exactly, by index and in the order of their append', () => {
    const file = files.create(path);
    file.append([good(7), bad(2)]);
    file.append([good(2 ** 40, `"${'x'.repeat(1_000_000)}"`), good(0, null)]);
    expect(file.count()).toEqual({ rows: 4, succeeded: 3, failed: 1 });
    expect([...file.byIndex()].map((row) => row.itemIndex)).toEqual([0, 2, 7, 2 ** 40]);
    expect(file.rowsSince(0).map((row) => row.itemIndex)).toEqual([7, 2, 2 ** 40, 0]);
    expect(file.rowsSince(1)[0]).toEqual(bad(2));
    expect(file.rowsSince(4)).toEqual([]);
    expect(file.rowsSince(1, 1)).toHaveLength(2);
    file.discard();
  });

  it('sealed, is one file that opens again and that other tools can read', () => {
    const file = files.create(path);
    file.append([good(1), bad(0)]);
    file.seal();
    expect(readdirSync(dir.path)).toEqual(['results.sqlite']);
    const sealed = files.openSealed(path);
    expect(sealed.count()).toEqual({ rows: 2, succeeded: 1, failed: 1 });
    expect([...sealed.byIndex()]).toEqual([bad(0), good(1)]);
    sealed.close();
    const db = new Database(path, { readonly: true });
    expect(db.pragma('user_version', { simple: true })).toBe(1);
    expect(db.prepare('SELECT cause FROM outcomes WHERE item_index = 0').get()).toEqual({ cause: 'handler-error' });
    db.close();
  });

  it('opens from memory as it does from disk', () => {
    const file = files.create(path);
    file.append([good(1), bad(0)]);
    file.seal();
    const bytes = readFileSync(path);
    // A view into something larger, as what a store answers with may be.
    const sealed = files.openBytes(Buffer.concat([Buffer.from('before'), bytes]).subarray(6), 'mine');
    expect(sealed.count()).toEqual({ rows: 2, succeeded: 1, failed: 1 });
    expect([...sealed.byIndex()]).toEqual([bad(0), good(1)]);
    expect([...sealed.byIndex('failed')]).toEqual([bad(0)]);
    sealed.close();
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('is not made over an existing file, and takes an item once', () => {
    const file = files.create(path);
    file.append([good(1)]);
    expect(() => files.create(path)).toThrow('exists already');
    expect(() => file.append([good(2), good(1)])).toThrow(/UNIQUE/);
    expect(file.count().rows).toBe(1);
    expect(file.rowsSince(0)).toHaveLength(1);
    file.discard();
  });

  it('a full disk is SCRATCH_FULL, and the rows before it stay readable', async () => {
    const limited = await createSqliteResultFiles({ maxPages: 20 });
    const file = limited.create(path);
    file.append([good(1)]);
    const many = Array.from({ length: 1_000 }, (_, n) => good(n + 10, `"${'x'.repeat(200)}"`));
    expect(() => file.append(many)).toThrow(
      expect.objectContaining({ code: 'SCRATCH_FULL', message: expect.stringContaining(path) as string }) as Error,
    );
    expect(file.rowsSince(0)).toEqual([good(1)]);
    expect(file.count().rows).toBe(1);
    file.append([good(2)]);
    expect([...file.byIndex()].map((row) => row.itemIndex)).toEqual([1, 2]);
    file.discard();
  });
});

describe('a damaged file is RESULT_CORRUPT', () => {
  const sealed = (): void => {
    const file = files.create(path);
    file.append(Array.from({ length: 2_000 }, (_, n) => good(n)));
    file.seal();
  };
  /** From disk; where there is a file, what is in it says the same from memory. */
  const open = (): unknown => {
    const seen = read(() => files.openSealed(path));
    if (existsSync(path))
      expect(read(() => files.openBytes(readFileSync(path), path))).toMatchObject({
        code: (seen as { readonly code?: unknown }).code,
      });
    return seen;
  };
  const read = (opened: () => SealedResultFile): unknown => {
    try {
      const file = opened();
      try {
        file.count();
        return [...file.byIndex()].length;
      } finally {
        file.close();
      }
    } catch (error) {
      return error;
    }
  };
  const corrupt = { code: 'RESULT_CORRUPT', message: expect.stringContaining('results.sqlite') as string };

  it('when it is no database', () => {
    writeFileSync(path, 'hello, this is not a database at all '.repeat(100));
    expect(open()).toMatchObject(corrupt);
  });
  it('when it is empty', () => {
    writeFileSync(path, '');
    expect(open()).toMatchObject(corrupt);
  });
  it('when it is missing', () => expect(open()).toMatchObject(corrupt));
  it('when it was cut off', () => {
    sealed();
    truncateSync(path, 40_000);
    expect(open()).toMatchObject(corrupt);
  });
  it('when bytes were changed', () => {
    sealed();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 8_192, 12_288);
    writeFileSync(path, bytes);
    expect(open()).toMatchObject(corrupt);
  });
  it('when it is the database of something else', () => {
    const db = new Database(path);
    db.exec('CREATE TABLE outcomes (x)');
    db.close();
    expect(open()).toMatchObject({
      code: 'RESULT_CORRUPT',
      message: expect.stringContaining('not a result file of this version') as string,
    });
  });
});
