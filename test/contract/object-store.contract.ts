import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ObjectStore } from '../../src/ports/object-store.ts';
import { makeTempDir } from '../support/temp-dir.ts';

export interface OpenedStore {
  readonly store: ObjectStore;
  /** Another handle to the same objects, as another host has it. */
  readonly other: ObjectStore;
  readonly close: () => Promise<void> | void;
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());
async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of source) all.push(value);
  return all;
}
async function* chunks(...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

/** What every object store driver promises. */
export function describeObjectStore(name: string, open: () => Promise<OpenedStore> | OpenedStore): void {
  describe(`object store contract: ${name}`, () => {
    let opened: OpenedStore;
    let store: ObjectStore;
    let other: ObjectStore;
    let local: ReturnType<typeof makeTempDir>;
    beforeEach(async () => {
      opened = await open();
      ({ store, other } = opened);
      local = makeTempDir('local');
    });
    afterEach(async () => {
      await opened.close();
      local.remove();
    });
    const keys = async (prefix: string): Promise<string[]> => (await collect(other.list(prefix))).map(({ key }) => key);

    it('gives back what was put: text, bytes, streams, nothing at all', async () => {
      const binary = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251);
      expect(await store.put('a/text', 'grün')).toEqual({ key: 'a/text', bytes: 5, sha256: sha256('grün') });
      expect(await store.put('a/binary', binary)).toEqual({ key: 'a/binary', bytes: 300_000, sha256: sha256(binary) });
      expect(await store.put('a/stream', chunks('one', '', 'two'))).toMatchObject({
        bytes: 6,
        sha256: sha256('onetwo'),
      });
      expect(await store.put('a/empty', '')).toMatchObject({ bytes: 0, sha256: sha256('') });
      expect(text(await other.get('a/text'))).toBe('grün');
      expect(Buffer.compare((await other.get('a/binary')) ?? Buffer.alloc(0), binary)).toBe(0);
      expect(Buffer.compare(Buffer.concat(await collect(other.stream('a/binary'))), binary)).toBe(0);
      expect(text(await other.get('a/stream'))).toBe('onetwo');
      expect(text(await other.get('a/empty'))).toBe('');
      expect(await other.head('a/binary')).toEqual({ key: 'a/binary', bytes: 300_000 });
    });

    it('answers null for what is not there, and names it where an object is required', async () => {
      expect(await store.get('no/such')).toBeNull();
      expect(await store.head('no/such')).toBeNull();
      expect(await keys('no/')).toEqual([]);
      await expect(collect(store.stream('no/such'))).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
      await expect(store.getRange('no/such', 0, 1)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
      await expect(store.getFile('no/such', join(local.path, 'x'))).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
      await store.put('no/such/deeper', 'x');
      expect(await store.get('no/such')).toBeNull();
      expect(await store.head('no/such')).toBeNull();
    });

    it('replaces an object whole', async () => {
      await store.put('pointer', 'first, and longer');
      await store.put('pointer', 'second');
      expect(text(await other.get('pointer'))).toBe('second');
      expect(await keys('')).toEqual(['pointer']);
    });

    it('keeps the old object, or none, when the body fails or the caller gives up', async () => {
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('half');
        throw new Error('body broke');
      }
      await store.put('kept', 'old');
      await expect(store.put('kept', failing())).rejects.toThrow('body broke');
      await expect(store.put('never', failing())).rejects.toThrow('body broke');
      const given = new AbortController();
      async function* aborting(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('half');
        given.abort(new Error('given up'));
        yield Buffer.from('rest');
      }
      await expect(store.put('kept', aborting(), given.signal)).rejects.toThrow('given up');
      await expect(store.put('kept', 'x', AbortSignal.abort(new Error('too late')))).rejects.toThrow('too late');
      expect(text(await other.get('kept'))).toBe('old');
      expect(await keys('')).toEqual(['kept']);
    });

    it('shows a reader one version or another, never a mixture', async () => {
      const versions = ['a', 'b', 'c'].map((letter) => letter.repeat(200_000));
      await store.put('contended', versions[0] as string);
      const writing = Promise.all(
        Array.from({ length: 12 }, (_, index) => store.put('contended', versions[index % 3] as string)),
      );
      const seen = await Promise.all(Array.from({ length: 24 }, async () => text(await other.get('contended'))));
      await writing;
      for (const value of seen) expect(versions).toContain(value);
    });

    it('stores and fetches files', async () => {
      const source = join(local.path, 'source');
      const target = join(local.path, 'new/target');
      await writeFile(source, 'x'.repeat(700_000));
      const stored = await store.putFile('jobs/part.parquet', source);
      expect(stored).toEqual({ key: 'jobs/part.parquet', bytes: 700_000, sha256: sha256('x'.repeat(700_000)) });
      await other.getFile('jobs/part.parquet', target, { sha256: stored.sha256 });
      await other.getFile('jobs/part.parquet', target);
      expect((await readFile(target)).byteLength).toBe(700_000);
      expect((await readFile(source)).byteLength).toBe(700_000);
      await expect(store.putFile('jobs/none', join(local.path, 'missing'))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining('missing') as string,
      });
    });

    it('tells when the bytes are not those that were recorded', async () => {
      await store.put('lying', 'true');
      const wrong = { sha256: sha256('false') };
      const target = join(local.path, 'target');
      await writeFile(target, 'before');
      await expect(store.get('lying', wrong)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      await expect(collect(store.stream('lying', wrong))).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      await expect(store.getFile('lying', target, wrong)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect(await readFile(target, 'utf8')).toBe('before');
      expect(text(await store.get('lying', { sha256: sha256('true') }))).toBe('true');
    });

    it('reads ranges', async () => {
      await store.put('range', '0123456789');
      expect(text(await other.getRange('range', 2, 5))).toBe('234');
      expect(text(await other.getRange('range', 8, 100))).toBe('89');
      expect(text(await other.getRange('range', 50, 100))).toBe('');
    });

    it('lists by prefix in byte order of whole keys', async () => {
      const unordered = [
        'a/z',
        'a.txt',
        'a/b/c',
        'a-1',
        'b',
        'a/b.x',
        'a/b/a',
        'a/\u{1f600}',
        'a/\uffee',
        'a0',
        'ab/c',
      ];
      for (const key of unordered) await store.put(key, key);
      const sorted = unordered.toSorted((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
      expect(await keys('')).toEqual(sorted);
      expect(await keys('a/b')).toEqual(sorted.filter((key) => key.startsWith('a/b')));
      expect(await keys('a/')).toEqual(sorted.filter((key) => key.startsWith('a/')));
      expect(await keys('a')).toEqual(sorted.filter((key) => key.startsWith('a')));
      expect(await keys('a/b/c')).toEqual(['a/b/c']);
      expect(await keys('zzz/none')).toEqual([]);
      const sizes = await collect(store.list('a/b/'));
      expect(sizes).toEqual([
        { key: 'a/b/a', bytes: 5 },
        { key: 'a/b/c', bytes: 5 },
      ]);
    });

    it('deletes keys and prefixes; what is absent is fine', async () => {
      for (const key of ['j/1/a', 'j/1/b/c', 'j/10/a', 'k']) await store.put(key, key);
      await store.delete(['k', 'never/there']);
      expect(await keys('')).toEqual(['j/1/a', 'j/1/b/c', 'j/10/a']);
      await store.deletePrefix('j/1/');
      await store.deletePrefix('j/1/');
      await store.deletePrefix('never/there/');
      expect(await keys('')).toEqual(['j/10/a']);
      await store.put('j/1/a', 'again');
      expect(text(await other.get('j/1/a'))).toBe('again');
    });

    it.each(['/abs', '../up', 'a/../../b', 'a/./b', 'a//b', 'a/', '', 'nul\0', 'new\nline', 'x'.repeat(1_100), 'a/..'])(
      'refuses the key %j',
      async (key) => {
        const refusal = { code: 'STORE_BAD_KEY' };
        await expect(store.put(key, 'x')).rejects.toMatchObject(refusal);
        await expect(store.get(key)).rejects.toMatchObject(refusal);
        await expect(store.head(key)).rejects.toMatchObject(refusal);
        await expect(store.delete([key])).rejects.toMatchObject(refusal);
        expect(() => store.url(key)).toThrow(expect.objectContaining(refusal) as Error);
      },
    );

    it('refuses to delete under a prefix that is not one, or that leaves the store', async () => {
      for (const prefix of ['', 'a', '../', 'a/../../'])
        await expect(store.deletePrefix(prefix)).rejects.toMatchObject({ code: 'STORE_BAD_KEY' });
    });

    it('names places that can be opened', async () => {
      await store.put('a b/ü.txt', 'here');
      expect(store.url('a b/ü.txt')).toMatch(/^[a-z0-9]+:\/\/.*a%20b\/%C3%BC\.txt$/);
      expect(store.rootUrl).toMatch(/^[a-z0-9]+:\/\//);
      const path = store.localPath('a b/ü.txt');
      if (path !== null) expect(await readFile(path, 'utf8')).toBe('here');
    });
  });
}
