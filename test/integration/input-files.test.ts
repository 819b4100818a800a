import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createInputSources } from '../../src/backends/input/index.ts';
import type { InputSpec } from '../../src/domain/job-spec.ts';
import { collectRecords } from '../support/input-records.ts';
import { makeTempDir } from '../support/temp-dir.ts';

let dir: ReturnType<typeof makeTempDir>;
beforeEach(() => {
  dir = makeTempDir('input');
});
afterEach(() => dir.remove());

const sources = createInputSources();
type FileSpec = Extract<InputSpec, { kind: 'file' }>;
const fileSpec = (name: string, more: Partial<FileSpec> = {}): FileSpec => ({
  kind: 'file',
  path: join(dir.path, name),
  format: 'jsonl',
  compression: 'none',
  onBadRecord: 'stop',
  ...more,
});
const readFile = (name: string, more: Partial<FileSpec> = {}) => collectRecords(sources.open(fileSpec(name, more)));
const readGlob = (pattern: string, id?: string) =>
  collectRecords(
    sources.open({
      kind: 'files',
      pattern,
      baseDir: dir.path,
      onBadRecord: 'stop',
      ...(id === undefined ? {} : { id }),
    }),
  );
const put = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(dir.path, name), content);
  return join(dir.path, name);
};

/** Permissions bind nobody who is root, so these tests step down for the call. */
async function asOrdinaryUser<T>(fn: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return fn();
  chmodSync(dir.path, 0o755);
  process.seteuid?.(65534);
  try {
    return await fn();
  } finally {
    process.seteuid?.(0);
  }
}

const manyLines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `{"n":${index},"text":"${'é'.repeat(index % 50)}"}\n`).join('');

describe('a file that cannot be read', () => {
  it('because it does not exist', async () => {
    await expect(readFile('no.jsonl')).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      exitCode: 2,
      message: `${dir.path}/no.jsonl does not exist`,
    });
  });

  it.each(['jsonl', 'parquet'] as const)('because it is a directory (%s)', async (format) => {
    mkdirSync(join(dir.path, 'in'));
    await expect(readFile('in', { format })).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: `${dir.path}/in is a directory, expected a file`,
      hint: expect.stringContaining('in/**/*') as string,
    });
  });

  it('because a part of the path is a file', async () => {
    put('f', '');
    await expect(readFile('f/in.jsonl')).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('a part of the path is a file') as string,
    });
  });

  it('because it may not be read', async () => {
    chmodSync(put('secret.jsonl', '1\n'), 0o000);
    const failure = asOrdinaryUser(() => readFile('secret.jsonl'));
    await expect(failure).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: `${dir.path}/secret.jsonl may not be read: permission denied`,
    });
  });
});

describe('compressed files', () => {
  const text = manyLines(20_000);
  const expected = text.trimEnd().split('\n');
  const zstd = (data: string, ...options: string[]): Buffer =>
    execFileSync('zstd', ['-q', '-c', ...options], { input: data, maxBuffer: 1 << 28 });

  it('gzip, with several members', async () => {
    put('in.gz', Buffer.concat([gzipSync(text.slice(0, 5000)), gzipSync(text.slice(5000)), Buffer.alloc(512)]));
    expect((await readFile('in.gz', { compression: 'gzip' })).map(({ json }) => json)).toEqual(expected);
  });

  it.each([['-1'], ['-3'], ['-19'], ['--no-check'], ['--long=27']])('zstd %s, with several frames', async (option) => {
    put('in.zst', Buffer.concat([zstd(text.slice(0, 5000), option), zstd(text.slice(5000), option)]));
    expect((await readFile('in.zst', { compression: 'zstd' })).map(({ json }) => json)).toEqual(expected);
  });

  it('zstd of nothing and of one line', async () => {
    put('none.zst', zstd(''));
    put('one.zst', zstd('1\n'));
    expect(await readFile('none.zst', { compression: 'zstd' })).toEqual([]);
    expect((await readFile('one.zst', { compression: 'zstd' })).map(({ json }) => json)).toEqual(['1']);
  });

  it.each(['gzip', 'zstd'] as const)('%s cut off anywhere', async (compression) => {
    const whole = compression === 'gzip' ? gzipSync(text) : zstd(text);
    for (const part of [0.999, 0.7, 0.3, 0.001]) {
      put('cut', whole.subarray(0, Math.floor(whole.length * part)));
      await expect(readFile('cut', { compression }), `at ${part}`).rejects.toMatchObject({
        code: 'INPUT_MALFORMED',
        exitCode: 2,
        message: expect.stringMatching(/cut: broken \w+ data (after|near) byte \d+: the file is cut off$/) as string,
      });
    }
  });

  it.each(['gzip', 'zstd'] as const)('%s that is none', async (compression) => {
    put('plain', text);
    await expect(readFile('plain', { compression })).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringContaining(`broken ${compression} data`) as string,
    });
  });

  it('gzip with something else behind it', async () => {
    for (const tail of ['and more', '\u0000\u0000and more', '\u001fand more']) {
      put('tail.gz', Buffer.concat([gzipSync(text), Buffer.from(tail)]));
      await expect(readFile('tail.gz', { compression: 'gzip' }), JSON.stringify(tail)).rejects.toMatchObject({
        code: 'INPUT_MALFORMED',
        message: expect.stringMatching(
          /tail.gz: broken gzip data after byte \d+: (incorrect header check|what follows the last gzip member is not gzip data)/,
        ) as string,
      });
    }
  });

  it('gzip damaged in the middle', async () => {
    const whole = gzipSync(text);
    whole.fill(0xa5, whole.length >> 1, (whole.length >> 1) + 64);
    put('bad.gz', whole);
    await expect(readFile('bad.gz', { compression: 'gzip' })).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringMatching(/broken gzip data after byte \d+/) as string,
    });
  });

  it('CSV inside gzip', async () => {
    put('in.csv.gz', gzipSync('\uFEFFa,b\r\n"x\r\ny",2\r\n'));
    expect((await readFile('in.csv.gz', { format: 'csv', compression: 'gzip' })).map(({ value }) => value)).toEqual([
      { a: 'x\r\ny', b: '2' },
    ]);
  });

  it('around Parquet', async () => {
    put('in.parquet.gz', '');
    expect(() => sources.open(fileSpec('in.parquet.gz', { format: 'parquet', compression: 'gzip' }))).toThrow(
      expect.objectContaining({ code: 'INPUT_MALFORMED' }) as Error,
    );
  });
});

describe('a pattern of files', () => {
  const hard = [
    'new\nline.txt',
    `q"uo'te.txt`,
    'ünï→😀.txt',
    'back\\slash.txt',
    ' sp ace*[x].txt',
    '\uE000.txt',
    '😀.txt',
  ];

  it('gives absolute paths with sizes, sorted by bytes, whatever the names', async () => {
    mkdirSync(join(dir.path, 'sub'));
    for (const [index, name] of hard.entries()) put(name, 'x'.repeat(index));
    put('sub/deep.txt', 'deep');
    put('.hidden.txt', '');
    put('other.csv', '');
    symlinkSync('other.csv', join(dir.path, 'link.txt'));
    symlinkSync('nowhere', join(dir.path, 'broken.txt'));
    mkdirSync(join(dir.path, 'directory.txt'));
    const seen = await readGlob('**/*.txt');
    const expected = [
      ...hard.map((name, bytes) => ({ path: join(dir.path, name), bytes })),
      { path: join(dir.path, 'sub/deep.txt'), bytes: 4 },
      { path: join(dir.path, 'link.txt'), bytes: 0 },
    ];
    expect(seen.map(({ value }) => value)).toEqual(
      expected.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
    );
  });

  it.each(['d/**', 'd/**/*', 'd/*/*'])(
    '%s: line breaks in names of files, directories and links hide nothing',
    async (pattern) => {
      const names = ['a\nb', 'c\rd', 'e\u2028f', 'g\u2029h', 'i\uFDD0n'].map((name) => `d/${name}/${name}`);
      for (const name of names) {
        mkdirSync(join(dir.path, name, '..'), { recursive: true });
        put(name, '12');
      }
      symlinkSync('a\nb', join(dir.path, names[0] as string, '../li\nnk'));
      const seen = await readGlob(pattern);
      expect(seen.map(({ value }) => value)).toEqual(
        [...names, 'd/a\nb/li\nnk']
          .map((name) => ({ path: join(dir.path, name), bytes: 2 }))
          .toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
      );
    },
  );

  it('takes hidden files when the pattern says so, and paths as ids', async () => {
    put('.hidden', '');
    expect(await readGlob('.hid*', 'path')).toMatchObject([
      { value: { path: join(dir.path, '.hidden'), bytes: 0 }, id: join(dir.path, '.hidden') },
    ]);
  });

  it('matches nothing without an error where nothing is', async () => {
    expect(await readGlob('nowhere/**/*.png')).toEqual([]);
  });

  it('refuses a directory that cannot be listed instead of leaving it out', async () => {
    mkdirSync(join(dir.path, 'locked'));
    put('locked/a.txt', '');
    chmodSync(join(dir.path, 'locked'), 0o000);
    const failure = asOrdinaryUser(() => readGlob('**/*.txt'));
    await expect(failure).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('/locked/ may not be read: permission denied') as string,
    });
    chmodSync(join(dir.path, 'locked'), 0o700);
  });

  it('carries a name that is not UTF-8 as a bad record', async () => {
    execFileSync('bash', ['-c', `printf x > $'${dir.path}/bad\\xff.txt'`]);
    expect(await readGlob('*.txt')).toMatchObject([
      { bad: { message: expect.stringContaining('is not valid UTF-8') as string } },
    ]);
  });

  it('has only two fields to take an id from', async () => {
    await expect(readGlob('*', 'name')).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
      message: expect.stringContaining('"path", "bytes"') as string,
    });
  });
});
