import { existsSync, linkSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import type * as FsPromises from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createSystemClock } from '../../src/backends/clock.ts';
import { advanceItem } from '../../src/backends/state-table/fs-advance.ts';
import { createBulkReader } from '../../src/backends/state-table/fs-bulk-read.ts';
import { readHead, type Head, type TableContext } from '../../src/backends/state-table/fs-head.ts';
import { placeOf } from '../../src/backends/state-table/fs-item-files.ts';
import { stateError } from '../../src/backends/state-table/fs-state-error.ts';
import { createFsStateTable } from '../../src/backends/state-table/fs.ts';
import type { StateTable } from '../../src/ports/state-table.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createSeededIds } from '../support/seeded-random.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** Stand-ins for single system calls; each test plants what it needs and `afterEach` takes it out. */
const faults = vi.hoisted(() => ({
  rename: null as ((run: () => Promise<void>, from: string) => Promise<void>) | null,
  link: null as ((run: () => Promise<void>) => Promise<void>) | null,
}));
vi.mock('node:fs/promises', async (importOriginal) => {
  const actual = await importOriginal<typeof FsPromises>();
  return {
    ...actual,
    rename: (from: string, to: string) => {
      const run = () => actual.rename(from, to);
      return faults.rename === null ? run() : faults.rename(run, from);
    },
    link: (from: string, to: string) => {
      const run = () => actual.link(from, to);
      return faults.link === null ? run() : faults.link(run);
    },
  };
});

const failed = (code: string): Error => Object.assign(new Error(`${code}: planted`), { code, syscall: 'rename' });
const NFS = 0x6969;
const EXT4 = 0xef53;
const KEY = { partition: 'J#demo', sort: '000001' };
const PRESENT = { op: 'item-present' } as const;
const ABSENT = { op: 'item-absent' } as const;

describe('fs state table, step by step', () => {
  let dir: ReturnType<typeof makeTempDir>;
  let table: StateTable;
  let context: TableContext;
  let fileSystem: number;
  const place = () => placeOf(context.root, KEY);
  const files = (): string[] => readdirSync(place().directory).toSorted();
  const head = async (): Promise<Head> => {
    const found = await readHead(context, place());
    if (found === null) throw new Error('the item is not there');
    return found;
  };

  beforeEach(() => {
    dir = makeTempDir('state');
    fileSystem = NFS;
    const ids = createSeededIds(7);
    const clock = createSystemClock();
    table = createFsStateTable({ root: dir.path, ids, clock, fsync: false, statfs: () => ({ type: fileSystem }) });
    context = {
      root: dir.path,
      ids,
      clock,
      fsync: false,
      syncDirectory: async () => {},
      noteWritten: async () => {},
      repeatsRequests: () => fileSystem === NFS,
    };
  });
  afterEach(() => {
    faults.rename = null;
    faults.link = null;
    dir.remove();
  });

  it('keeps one file for a new item and two for a changed one', async () => {
    await table.write(KEY, { set: { n: 0 } }, ABSENT);
    expect(files().map((name) => name.replace(/[0-9a-z]{8}$/, '*'))).toEqual(['000001+', '000001@0.*']);
    for (let n = 0; n < 5; n += 1) await table.write(KEY, { add: { n: 1 } }, PRESENT);
    expect(files().map((name) => name.replace(/[0-9a-z]{8}$/, '*'))).toEqual(['000001+', '000001=5.*', '000001@5.*']);
    expect((await head()).trail).toHaveLength(6);
    for (let n = 0; n < 40; n += 1) await table.write(KEY, { add: { n: 1 } }, PRESENT);
    expect((await head()).trail).toHaveLength(32);
  });

  it('refuses a writer that slept while the item moved on, however far', async () => {
    await table.write(KEY, { set: { n: 0 } }, ABSENT);
    const stale = await head();
    for (const moves of [1, 2, 20]) {
      for (let n = 0; n < moves; n += 1) await table.write(KEY, { add: { n: 1 } }, PRESENT);
      const before = files();
      expect(await advanceItem(context, place(), stale, { n: 'stale' })).toBe(false);
      expect(files()).toEqual(before);
    }
    for (let n = 0; n < 20; n += 1) await table.write(KEY, { add: { n: 1 } }, PRESENT);
    // Beyond the trail it cannot be told from a lost answer, on a network; it must not be taken for applied.
    await expect(advanceItem(context, place(), stale, { n: 'stale' })).rejects.toMatchObject({
      code: 'STATE_UNCERTAIN',
    });
    fileSystem = EXT4;
    expect(await advanceItem(context, place(), stale, { n: 'stale' })).toBe(false);
    expect(await table.get(KEY)).toEqual({ n: 43 });
    await table.write(KEY, { add: { n: 1 } }, PRESENT);
    expect(files()).toHaveLength(3);
  });

  it('refuses a creator that slept while the item was created, changed and deleted', async () => {
    await table.write(KEY, { set: { n: 0 } }, ABSENT);
    await table.write(KEY, { add: { n: 1 } }, PRESENT);
    expect(await advanceItem(context, place(), null, { n: 'stale' })).toBe(false);
    await table.deleteItem(KEY);
    expect(await advanceItem(context, place(), null, { n: 'stale' })).toBe(false);
    expect(await table.get(KEY)).toBeNull();
  });

  it('finishes what a creator that died after its anchor began', async () => {
    await table.write(KEY, { set: { n: 7 } }, ABSENT);
    const [anchor, headFile] = files() as [string, string];
    const nonce = headFile.slice(headFile.indexOf('.') + 1);
    linkSync(join(place().directory, anchor), join(place().directory, `000001~${nonce}`));
    rmSync(join(place().directory, headFile));
    const sorts = [];
    for await (const { sort } of table.query('J#demo')) sorts.push(sort);
    expect(sorts).toEqual(['000001']);
    expect(files()).toEqual([anchor, headFile]);
    expect(await table.get(KEY)).toEqual({ n: 7 });
  });

  it('ignores a creation that never got its anchor, and clears it away', async () => {
    mkdirSync(place().directory, { recursive: true });
    writeFileSync(join(place().directory, '000001~aaaaaaaaaa'), '{"half":');
    expect(await table.get(KEY)).toBeNull();
    expect((await table.write(KEY, { set: { n: 1 } }, ABSENT)).applied).toBe(true);
    expect((await table.write(KEY, { set: { n: 2 } }, PRESENT)).applied).toBe(true);
    expect(files()).toHaveLength(3);
  });

  it('recognises its own write when the rename was made but reported as failed', async () => {
    await table.write(KEY, { set: { n: 0 } }, ABSENT);
    for (const code of ['ENOENT', 'EIO']) {
      faults.rename = async (run) => {
        faults.rename = null;
        await run();
        throw failed(code);
      };
      expect((await table.write(KEY, { add: { n: 1 } }, PRESENT)).applied).toBe(true);
    }
    expect(await table.get(KEY)).toEqual({ n: 2 });
  });

  it('recognises its own write behind those of others', async () => {
    await table.write(KEY, { set: { n: 0 } }, ABSENT);
    faults.rename = async (run) => {
      faults.rename = null;
      await run();
      for (let n = 0; n < 10; n += 1) await table.write(KEY, { add: { n: 1 } }, PRESENT);
      throw failed('ENOENT');
    };
    expect((await table.write(KEY, { add: { n: 100 } }, PRESENT)).applied).toBe(true);
    expect(await table.get(KEY)).toEqual({ n: 110 });
  });

  it('says STATE_UNCERTAIN when the item moved on too far to tell', async () => {
    await table.write(KEY, { set: { n: 0 } }, ABSENT);
    faults.rename = async (run) => {
      faults.rename = null;
      await run();
      for (let n = 0; n < 40; n += 1) await table.write(KEY, { add: { n: 1 } }, PRESENT);
      throw failed('ENOENT');
    };
    await expect(table.write(KEY, { add: { n: 100 } }, PRESENT)).rejects.toMatchObject({ code: 'STATE_UNCERTAIN' });
  });

  it('recognises its own creation when the link was made but reported as failed', async () => {
    faults.link = async (run) => {
      faults.link = null;
      await run();
      throw failed('EEXIST');
    };
    expect((await table.write(KEY, { set: { n: 1 } }, ABSENT)).applied).toBe(true);
    expect(files()).toHaveLength(2);
  });

  it('fails, with nothing written, when the rename or link certainly was not made', async () => {
    faults.link = () => Promise.reject(failed('EDQUOT'));
    await expect(table.write(KEY, { set: { n: 1 } }, ABSENT)).rejects.toMatchObject({ code: 'STATE_FULL' });
    expect(files()).toEqual([]);
    faults.link = null;
    await table.write(KEY, { set: { n: 1 } }, ABSENT);
    const before = files();
    faults.rename = () => Promise.reject(failed('EIO'));
    await expect(table.write(KEY, { set: { n: 2 } }, PRESENT)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
    expect(files()).toEqual(before);
  });

  it('gives up on an item that everybody else keeps changing', async () => {
    const clock = createManualClock();
    const slow = createFsStateTable({ root: dir.path, ids: createSeededIds(9), clock, fsync: false });
    await slow.write(KEY, { set: { n: 0 } }, ABSENT);
    const afterAnother: typeof faults.rename = async (run, from) => {
      faults.rename = null;
      await table.write(KEY, { add: { n: 1 } }, PRESENT);
      faults.rename = afterAnother;
      expect(existsSync(from)).toBe(false);
      await run();
    };
    faults.rename = afterAnother;
    let outcome: unknown = null;
    slow.write(KEY, { set: { n: -1 } }, PRESENT).catch((error: unknown) => {
      outcome = error;
    });
    while (outcome === null) await clock.advanceToNext();
    expect(outcome).toMatchObject({
      code: 'STATE_UNAVAILABLE',
      message: expect.stringContaining('J#demo/000001') as string,
    });
  });

  it('names the file of an item that cannot be read (STATE_CORRUPT)', async () => {
    await table.write(KEY, { set: { n: 0 } }, ABSENT);
    await table.write(KEY, { set: { n: 1 } }, PRESENT);
    const data = join(place().directory, files()[1] as string);
    for (const content of ['', '{"n":1}', 'null', '{"partition":']) {
      writeFileSync(data, content);
      await expect(table.get(KEY)).rejects.toMatchObject({
        code: 'STATE_CORRUPT',
        message: expect.stringContaining(data) as string,
      });
    }
    rmSync(data);
    await expect(table.get(KEY)).rejects.toMatchObject({
      code: 'STATE_CORRUPT',
      message: expect.stringContaining('has lost files') as string,
    });
  });

  it('names the kind of trouble the system reports', async () => {
    const codes = ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EPERM', 'EIO', 'ESTALE'].map((code) =>
      stateError(failed(code), '/x'),
    );
    expect(codes.map((error) => (error as { code: string }).code)).toEqual([
      'STATE_FULL',
      'STATE_FULL',
      'STATE_DENIED',
      'STATE_DENIED',
      'STATE_DENIED',
      'STATE_UNAVAILABLE',
      'STATE_UNAVAILABLE',
    ]);
    const bug = new TypeError('bug');
    expect(stateError(bug, '/x')).toBe(bug);
    writeFileSync(join(dir.path, 'file'), '');
    const blocked = createFsStateTable({
      root: join(dir.path, 'file'),
      ids: createSeededIds(1),
      clock: createSystemClock(),
    });
    await expect(blocked.write(KEY, { set: { n: 1 } }, ABSENT)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
  });

  it('removes what a deletion that was killed left behind', async () => {
    await table.write(KEY, { set: { n: 1 } }, ABSENT);
    mkdirSync(join(dir.path, '.trash/older/00'), { recursive: true });
    await table.deletePartition('J#demo');
    expect(readdirSync(join(dir.path, '.trash'))).toEqual([]);
  });

  it('creates nothing more after a failure in the middle of many', async () => {
    async function* items() {
      yield { key: KEY, item: { n: 1 } };
      throw new Error('input broke');
    }
    await expect(table.createMany(items())).rejects.toThrow('input broke');
    await expect(table.createMany([{ key: { ...KEY, sort: '' }, item: {} }])).rejects.toThrow('cannot be a key');
    expect(await table.createMany([{ key: KEY, item: { n: 1 } }])).toBe(0);
  });
});

describe('bulk reads', () => {
  it('go on in parallel when a call takes as long as a network does', async () => {
    const dir = makeTempDir('bulk');
    const paths = Array.from({ length: 100 }, (_, index) => join(dir.path, String(index)));
    for (const [index, path] of paths.entries()) if (index % 3) writeFileSync(path, String(index));
    let nowMs = 0;
    const clock = { ...createManualClock(), monotonicMs: () => (nowMs += 100) };
    const texts = [];
    for await (const batch of createBulkReader(clock).readTexts(paths)) texts.push(...batch);
    expect(texts).toEqual(paths.map((_, index) => (index % 3 ? String(index) : null)));
    const listings = [];
    const directories = [...Array.from({ length: 40 }, () => dir.path), join(dir.path, 'none')];
    for await (const batch of createBulkReader(clock).readDirectories(directories)) listings.push(...batch);
    expect(listings.map((names) => names.length)).toEqual([...Array.from({ length: 40 }, () => 66), 0]);
    // The clock was looked at for the first batch of each; the rest went another way.
    expect(nowMs).toBe(100 * 2 * (1 + 32));
    dir.remove();
  });

  it('stay as they are when the process was held up now and then', async () => {
    const dir = makeTempDir('bulk');
    const paths = Array.from({ length: 96 }, (_, index) => join(dir.path, String(index)));
    let [looks, nowMs] = [0, 0];
    const monotonicMs = () => (nowMs += (looks += 1) % 16 === 0 ? 100 : 0.01);
    const reader = createBulkReader({ ...createManualClock(), monotonicMs });
    for await (const batch of reader.readTexts(paths)) expect(batch).toEqual(batch.map(() => null));
    expect(looks).toBe(3 * (1 + 32));
    dir.remove();
  });
});
