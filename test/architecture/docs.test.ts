import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generatedPages } from '../../src/cli/docs/pages.ts';
import { readFiles, ROOT } from './files.ts';
import { anchorsOf, brokenLinks } from './rules/docs.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pages = Object.entries(generatedPages(read));

describe('generated pages', () => {
  it.each(pages)('%s is what the source gives; otherwise run: npm run docs', (path, text) => {
    expect(existsSync(join(ROOT, path)) ? read(path) : null).toBe(text);
  });
});

describe('links', () => {
  const markdown = readFiles(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'docs', 'templates', 'scripts'], ['.md']);

  it('between our pages all lead somewhere', () => {
    expect(markdown.size).toBeGreaterThanOrEqual(pages.length);
    expect(brokenLinks(markdown, (path) => existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('that are broken are found', () => {
    const planted = new Map([
      [
        'docs/a.md',
        '[x](b.md) [y](b.md#good-one) [z](b.md#bad) [w](../c.md) [v](missing.md) [u](https://x.org/y) [t](#a) `[s](no)`',
      ],
      ['docs/b.md', '# Good `one`\n```\n# bad\n[r](no.md)\n```\n[q](../../out.md)'],
    ]);
    expect(brokenLinks(planted, (path) => planted.has(path))).toEqual([
      'docs/a.md: b.md#bad: docs/b.md has no heading for #bad',
      'docs/a.md: ../c.md: there is no c.md',
      'docs/a.md: missing.md: there is no docs/missing.md',
      'docs/a.md: #a: docs/a.md has no heading for #a',
      'docs/b.md: ../../out.md: there is no ../out.md',
    ]);
  });

  it('anchors are made as renderers make them', () => {
    expect([...anchorsOf('# Exit codes: 0, 1 & 2\n## slurmctl.status/1 (StatusDocument)')]).toEqual([
      'exit-codes-0-1--2',
      'slurmctlstatus1-statusdocument',
    ]);
  });
});
