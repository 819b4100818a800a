import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { withTempDir } from '../support/temp-dir.ts';

const BUILD = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));

/** Stands in for the compiler: looks what `dist` is while it works, then writes, and ends with `exit`. */
const compiler = (exit: number): string => `
const { existsSync, mkdirSync, writeFileSync } = require('node:fs');
if (!existsSync('dist/old.js')) process.exit(9);
const out = process.argv.includes('--outDir') ? process.argv[process.argv.indexOf('--outDir') + 1] : 'dist';
mkdirSync(out, { recursive: true });
writeFileSync(out + '/new.js', 'new');
process.exit(${exit});
`;

test.each([
  { what: 'whole', exit: 0, status: 0, dist: ['new.js'] },
  { what: 'refused by the compiler', exit: 2, status: 1, dist: ['old.js'] },
])('a build takes the place of the old one only when it is done: $what', ({ exit, status, dist }) =>
  withTempDir((root) => {
    const bin = join(root, 'node_modules/typescript/bin');
    for (const path of [bin, join(root, 'dist'), join(root, 'scripts')]) mkdirSync(path, { recursive: true });
    writeFileSync(join(bin, 'tsc'), compiler(exit));
    writeFileSync(join(root, 'dist/old.js'), 'old');
    cpSync(BUILD, join(root, 'scripts/build.mjs'));
    const ended = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, encoding: 'utf8' });
    expect(ended).toMatchObject({ status, stderr: '' });
    expect(readdirSync(join(root, 'dist'))).toEqual(dist);
    expect(readdirSync(root).toSorted()).toEqual(['dist', 'node_modules', 'scripts']);
  }),
);
