// Writes the generated pages under docs/, or with --check says which of them differ from what the source gives (exit 1).
// Compiles to a directory of its own, so that the pages never come from a stale dist/.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');
const read = (path) => readFileSync(join(root, path), 'utf8');

// Under node_modules, because the compiled files look for their packages upwards from where they are.
const cache = join(root, 'node_modules', '.cache');
mkdirSync(cache, { recursive: true });
const compiled = mkdtempSync(join(cache, 'gen-docs-'));
const stale = [];
try {
  // Only what the pages need: the rest of the source may be half-written.
  const project = join(compiled, 'tsconfig.json');
  const config = {
    extends: join(root, 'scripts/config/tsconfig.build.json'),
    compilerOptions: { outDir: compiled, rootDir: join(root, 'src') },
    // Packages that bring no types of their own.
    include: [join(root, 'src/**/*.d.ts')],
    files: [join(root, 'src/cli/docs/pages.ts')],
  };
  writeFileSync(project, JSON.stringify(config));
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { stdio: 'inherit' });
  writeFileSync(join(compiled, 'package.json'), '{"type":"module"}\n');
  const { generatedPages } = await import(pathToFileURL(join(compiled, 'cli/docs/pages.js')).href);
  for (const [path, text] of Object.entries(generatedPages(read))) {
    const current = (() => {
      try {
        return read(path);
      } catch {
        return null;
      }
    })();
    if (current === text) continue;
    stale.push(path);
    if (!check) writeFileSync(join(root, path), text);
  }
} finally {
  rmSync(compiled, { recursive: true, force: true });
}

if (stale.length === 0) console.log('docs: every generated page is up to date');
else console.log(`docs: ${check ? 'out of date' : 'written'}: ${stale.join(', ')}`);
if (check && stale.length > 0) {
  console.log('run: npm run docs');
  process.exitCode = 1;
}
