import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createFsObjectStore, type FsObjectStore } from '../../../../src/backends/object-store/fs.ts';
import { storeError } from '../../../../src/backends/object-store/fs-store-error.ts';
import { createSeededIds } from '../../../support/seeded-random.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

describe('fs object store on disk', () => {
  let dir: ReturnType<typeof makeTempDir>;
  let root: string;
  let store: FsObjectStore;
  beforeEach(() => {
    dir = makeTempDir('store');
    root = join(dir.path, 'objects');
    store = createFsObjectStore({ root, ids: createSeededIds(1) });
  });
  afterEach(() => dir.remove());
  const keys = async (): Promise<string[]> => {
    const all = [];
    for await (const { key } of store.list('')) all.push(key);
    return all;
  };

  it('keeps objects where ls shows them, in private directories', async () => {
    await store.put('jobs/demo/manifest.json', '{}');
    expect(readdirSync(join(root, 'jobs/demo'))).toEqual(['manifest.json']);
    expect(statSync(join(root, 'jobs')).mode & 0o777).toBe(0o700);
    expect(statSync(root).mode & 0o777).toBe(0o700);
    expect(statSync(join(root, 'jobs/demo/manifest.json')).mode & 0o777).toBe(0o600);
    expect(store.rootUrl).toBe(pathToFileURL(root).href);
    expect(store.localPath('jobs/x')).toBe(join(root, 'jobs/x'));
  });

  it('takes small files and strings for one new directory at once', async () => {
    const source = join(dir.path, 'small');
    writeFileSync(source, 'small file');
    const stored = await Promise.all([
      store.putFile('a/b/c/file', source),
      ...['x', 'y', 'z'].map((name) => store.put(`a/b/c/${name}`, name)),
    ]);
    expect(stored.map(({ bytes }) => bytes)).toEqual([10, 1, 1, 1]);
    expect(Buffer.from((await store.get('a/b/c/file')) ?? []).toString()).toBe('small file');
    expect(await keys()).toEqual(['a/b/c/file', 'a/b/c/x', 'a/b/c/y', 'a/b/c/z']);
  });

  it('removes the directories that deletePrefix emptied, not the root and not those with more in them', async () => {
    await store.put('jobs/one/a/b', '');
    await store.put('jobs/two/a', '');
    await store.deletePrefix('jobs/one/');
    expect(readdirSync(join(root, 'jobs'))).toEqual(['two']);
    await store.deletePrefix('jobs/two/');
    expect(readdirSync(root)).toEqual([]);
  });

  it('hides half-written files, refuses their names as keys, and removes those that were left', async () => {
    await store.put('jobs/a', '');
    const [stale, fresh] = [join(root, 'jobs/.put-stale'), join(root, 'jobs/.put-fresh')];
    writeFileSync(stale, 'half');
    writeFileSync(fresh, 'half');
    utimesSync(stale, 1_000, 1_000);
    expect(await keys()).toEqual(['jobs/a']);
    await expect(store.put('jobs/.put-x', '')).rejects.toMatchObject({ code: 'STORE_BAD_KEY' });
    expect(await store.removeStaleTemp('', 2_000_000)).toBe(1);
    expect(await store.removeStaleTemp('none/', 2_000_000)).toBe(0);
    expect([existsSync(stale), existsSync(fresh)]).toEqual([false, true]);
    await store.deletePrefix('jobs/');
    expect(readdirSync(root)).toEqual([]);
  });

  it('refuses to follow a link out of the store, on the way or at the end', async () => {
    const outside = join(dir.path, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), 'secret');
    await store.put('in/a', '');
    symlinkSync(outside, join(root, 'out'));
    symlinkSync(join(outside, 'secret'), join(root, 'in/linked'));
    const refusal = { code: 'STORE_BAD_KEY' };
    await expect(store.put('out/x', '')).rejects.toMatchObject(refusal);
    await expect(store.put('out/deep/er/x', '')).rejects.toMatchObject(refusal);
    await expect(store.get('out/secret')).rejects.toMatchObject(refusal);
    await expect(store.delete(['out/secret'])).rejects.toMatchObject(refusal);
    await expect(store.deletePrefix('out/')).rejects.toMatchObject(refusal);
    await expect(store.get('in/linked')).rejects.toMatchObject(refusal);
    expect(await store.head('in/linked')).toBeNull();
    expect(await keys()).toEqual(['in/a']);
    await store.deletePrefix('in/');
    expect(readdirSync(outside)).toEqual(['secret']);
  });

  it('follows links that stay inside, and a root that is one', async () => {
    await store.put('real/a', 'here');
    symlinkSync(join(root, 'real'), join(root, 'alias'));
    symlinkSync(root, join(dir.path, 'linked-root'));
    const linked = createFsObjectStore({ root: join(dir.path, 'linked-root'), ids: createSeededIds(2) });
    await linked.put('alias/b', 'there');
    expect(await keys()).toEqual(['real/a', 'real/b']);
  });

  it('refuses an object below another one, or in place of a directory (STORE_BAD_KEY)', async () => {
    await store.put('a/b', '');
    for (const key of ['a/b/c', 'a'])
      await expect(store.put(key, 'x')).rejects.toMatchObject({ code: 'STORE_BAD_KEY' });
    expect(await store.get('a/b/c')).toBeNull();
    expect(await keys()).toEqual(['a/b']);
    expect(readdirSync(root)).toEqual(['a']);
  });

  it('names the kind of trouble the system reports', () => {
    const failed = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'open' });
    const codes = ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EPERM', 'EIO', 'EMFILE'].map((code) =>
      storeError(failed(code), '/x'),
    );
    expect(codes.map((error) => (error as { code: string }).code)).toEqual([
      'STORE_FULL',
      'STORE_FULL',
      'STORE_DENIED',
      'STORE_DENIED',
      'STORE_DENIED',
      'STORE_UNAVAILABLE',
      'STORE_UNAVAILABLE',
    ]);
    const bug = new TypeError('bug');
    expect(storeError(bug, '/x')).toBe(bug);
  });
});
