import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadJobFile } from '../../../src/config/job-file.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { writeFiles } from './job-file-fixture.ts';

const templates = new URL('../../../templates/', import.meta.url).pathname;
interface Template {
  readonly name: string;
  readonly directory: string;
  readonly description: string;
  readonly files: readonly string[];
}
const index = JSON.parse(readFileSync(join(templates, 'index.json'), 'utf8')) as Template[];
const temp = makeTempDir('templates');
afterAll(() => temp.remove());

type Handler = (item: unknown, ctx: { item: { id: string } }) => Promise<Record<string, unknown>>;
const handlerOf = async (path: string): Promise<Handler> =>
  ((await import(/* @vite-ignore */ pathToFileURL(path).href)) as { default: Handler }).default;
const columnsOf = async (name: string): Promise<string[]> => {
  const { spec } = await loadJobFile(join(templates, name, 'job.yaml'));
  return spec.output.mode === 'columns' ? Object.keys(spec.output.columns) : [];
};

describe('the index', () => {
  it('names every template, and in each exactly its files', () => {
    const directories = ['init', 'examples'].flatMap((kind) =>
      readdirSync(join(templates, kind)).map((name) => `${kind}/${name}`),
    );
    expect(index.map((each) => each.directory).toSorted()).toEqual(directories.toSorted());
    for (const { directory, files } of index) {
      const all = readdirSync(join(templates, directory), { recursive: true, encoding: 'utf8' });
      expect(all.filter((name) => statSync(join(templates, directory, name)).isFile()).toSorted()).toEqual(
        files.toSorted(),
      );
    }
  });

  it.each(index)(
    '$name loads, also as a copy elsewhere, and its first line is its description',
    async ({ name, directory, description }) => {
      const copy = join(temp.path, name);
      await cp(join(templates, directory), copy, { recursive: true });
      const { spec, text, warnings } = await loadJobFile(join(copy, 'job.yaml'));
      expect(text.split('\n')[0]).toBe(`# ${description}.`);
      expect(warnings).toEqual([]);
      expect(spec.baseDir).toBe(copy);
    },
  );
});

describe('handlers', () => {
  it('javascript', async () => {
    const handler = await handlerOf(join(templates, 'init/javascript/handler.mjs'));
    const items = readFileSync(join(templates, 'init/javascript/items.jsonl'), 'utf8').trim().split('\n');
    const outputs = await Promise.all(items.map((line) => handler(JSON.parse(line), { item: { id: 'x' } })));
    expect(outputs[0]).toEqual({ words: 7, longest: 'Replace' });
    expect(Object.keys(outputs[0] ?? {})).toEqual(await columnsOf('init/javascript'));
    await expect(handler({}, { item: { id: 'a9' } })).rejects.toThrow('item a9 has no text');
  });

  it('command', async () => {
    const { spec } = await loadJobFile(join(templates, 'init/command/job.yaml'));
    if (spec.handler.kind !== 'command') throw new Error('expected a command');
    const [, script = '', field] = spec.handler.argv;
    expect(field).toBe('{path}');
    const path = join(spec.baseDir, 'texts/dusk.txt');
    const stdout = execFileSync(process.execPath, [script, path], { cwd: spec.baseDir, encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual({ file: 'dusk.txt', lines: 3, words: 13 });
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual(await columnsOf('init/command'));
  });

  it('sweep', async () => {
    const handler = await handlerOf(join(templates, 'init/sweep/handler.mjs'));
    const calm = await handler({ rate: 2.5, seed: 1 }, { item: { id: '0' } });
    const chaos = await handler({ rate: 3.99, seed: 1 }, { item: { id: '1' } });
    expect(Object.keys(calm)).toEqual(await columnsOf('init/sweep'));
    expect(calm['final']).toBeCloseTo(0.6, 9);
    expect(calm['spread']).toBeLessThan(1e-9);
    expect(chaos['spread']).toBeGreaterThan(0.9);
  });
});

describe('licences', () => {
  const handlerPath = join(templates, 'examples/licences/handler.mjs');
  const context = { item: { id: '0' } };

  it('gives each file its package, kind, licence and hash', async () => {
    const mit = 'Permission is hereby granted, free of charge, to any\nperson obtaining a copy of this software';
    await writeFiles(join(temp.path, 'project/node_modules'), {
      '@a/b/package.json': '{"name": "@a/b", "version": "1.2.3", "license": "ISC"}',
      '@a/b/LICENSE.md': mit,
      '@a/b/lib/package.json': '{"type": "module"}',
      '@a/b/lib/licence.js': 'x',
      '@a/b/COPYING': 'all rights reserved',
      'old/package.json': '{"name": "old", "licenses": [{"type": "MIT"}, {"type": "BSD"}]}',
      'broken/package.json': '{',
      'stray.txt': '',
    });
    const handler = await handlerOf(handlerPath);
    const run = async (name: string) => {
      const path = join(temp.path, 'project/node_modules', name);
      return handler({ path, bytes: statSync(path).size }, context);
    };
    expect(await run('@a/b/LICENSE.md')).toEqual({
      path: 'node_modules/@a/b/LICENSE.md',
      kind: 'licence',
      package: '@a/b',
      version: '1.2.3',
      licence: 'MIT',
      bytes: mit.length,
      sha256: createHash('sha256').update(mit).digest('hex'),
    });
    expect(await run('@a/b/lib/licence.js')).toMatchObject({ kind: 'file', package: '@a/b', licence: 'ISC' });
    expect(await run('@a/b/lib/package.json')).toMatchObject({ kind: 'package', package: '@a/b', licence: 'ISC' });
    expect(await run('@a/b/COPYING')).toMatchObject({ kind: 'licence', licence: 'ISC' });
    expect(await run('old/package.json')).toMatchObject({ package: 'old', version: null, licence: 'MIT OR BSD' });
    expect(await run('broken/package.json')).toMatchObject({ package: null, licence: 'unknown' });
    expect(await run('stray.txt')).toMatchObject({ kind: 'file', package: null, version: null, licence: 'unknown' });
    expect(Object.keys(await run('stray.txt'))).toEqual(await columnsOf('examples/licences'));
  });

  it('recognises the licence texts of the packages installed here as what they declare', async () => {
    const root = new URL('../../../node_modules/', import.meta.url).pathname;
    const handler = await handlerOf(handlerPath);
    const texts = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /(^|\/)licen[cs]e(\.(md|txt))?$/i.test(name),
    );
    expect(texts.length).toBeGreaterThan(50);
    const { detectLicence } = (await import(/* @vite-ignore */ pathToFileURL(handlerPath).href)) as {
      detectLicence: (text: string) => string | null;
    };
    const differing: string[] = [];
    for (const name of texts) {
      const declared = (
        await handler({ path: join(root, name, '..', 'package.json'), bytes: 0 }, context).catch(() => null)
      )?.['licence'];
      const found = detectLicence(readFileSync(join(root, name), 'utf8'));
      if (typeof declared === 'string' && found !== declared)
        differing.push(`${name}: declared ${declared}, found ${found}`);
    }
    expect(differing.length, differing.join('\n')).toBeLessThan(texts.length / 10);
  });
});
