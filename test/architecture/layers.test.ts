import { describe, expect, it } from 'vitest';
import { sourceFiles } from './files.ts';
import { forbiddenCalls } from './rules/forbidden-calls.ts';
import { layerViolations } from './rules/layers.ts';
import { importsOf, reduce } from './source-text.ts';

/** A checker that sees nothing must fail; raise it as the source grows. */
const FEWEST_FILES = 150;

const planted = (path: string, text: string): ReadonlyMap<string, string> => new Map([[path, text]]);

describe('who may import whom', () => {
  it('holds for the whole source', () => {
    const files = sourceFiles();
    expect(files.size).toBeGreaterThan(FEWEST_FILES);
    expect(layerViolations(files)).toEqual([]);
  });

  it('sees the imports there are', () => {
    const imports = [...sourceFiles().values()].flatMap(importsOf);
    expect(imports.length).toBeGreaterThan(FEWEST_FILES);
  });

  it.each([
    ['a room imports another room', 'src/worker/x.ts', "import { y } from '../retry/y.ts';"],
    ['only a type of it', 'src/worker/x.ts', "import type { Y } from '../coordinator/y.ts';"],
    ['dynamically', 'src/worker/x.ts', "const y = await import('../aggregator/y.ts');"],
    ['by re-export', 'src/retry/x.ts', "export * from '../worker/y.ts';"],
    ['over several lines', 'src/retry/x.ts', "import {\n  a,\n  b,\n} from '../app/y.ts';"],
    ['a room imports a driver', 'src/coordinator/x.ts', "import { fs } from '../backends/object-store/fs.ts';"],
    ['a room names a package', 'src/worker/x.ts', "import Database from 'better-sqlite3';"],
    ['a room does I/O', 'src/worker/x.ts', "import { readFile } from 'node:fs/promises';"],
    ['a room does I/O without node:', 'src/worker/x.ts', "import { readFileSync } from 'fs';"],
    ['domain uses ports', 'src/domain/x.ts', "import type { Clock } from '../ports/clock.ts';"],
    ['errors uses domain', 'src/errors/x.ts', "import { a } from '../domain/ids.ts';"],
    ['ports name a package', 'src/ports/x.ts', "import type { Logger } from 'pino';"],
    [
      "a driver imports another port's driver",
      'src/backends/state-table/fs.ts',
      "import { a } from '../object-store/fs.ts';",
    ],
    ['a driver imports a room', 'src/backends/handler/x.ts', "import { a } from '../../worker/a.ts';"],
    ['a driver imports app', 'src/backends/shared/x.ts', "import { a } from '../../app/a.ts';"],
    ['app imports cli', 'src/app/x.ts', "import { a } from '../cli/a.ts';"],
    ['app names a package', 'src/app/x.ts', "import pino from 'pino';"],
    ['cli imports a room', 'src/cli/x.ts', "import { a } from '../worker/a.ts';"],
    ['cli imports a driver', 'src/cli/commands/x.ts', "import { a } from '../../backends/clock/a.ts';"],
    ["cli names a driver's package", 'src/cli/x.ts', "import { execa } from 'execa';"],
    ['config names a scoped package', 'src/config/x.ts', "import { a } from '@duckdb/node-api';"],
    [
      'the main of a driver imports a room',
      'src/backends/handler-check/main.ts',
      "import { a } from '../../worker/a.ts';",
    ],
    ['an unknown folder', 'src/utils/x.ts', ''],
    ['no extension', 'src/worker/x.ts', "import { a } from './a';"],
    ['out of src', 'src/worker/x.ts', "import { a } from '../../test/a.ts';"],
  ])('refuses: %s', (_, path, text) => {
    expect(layerViolations(planted(path, text))).toHaveLength(1);
  });

  it.each([
    [
      'src/worker/x.ts',
      "import { a } from './deeper/a.ts';\nimport { join } from 'node:path';\nimport type { Log } from '../ports/log.ts';",
    ],
    [
      'src/backends/state-table/fs.ts',
      "import { a } from '../shared/a.ts';\nimport { b } from './b.ts';\nimport c from 'pino';",
    ],
    ['src/backends/batch-system/local/supervisor-main.ts', "import { a } from '../../clock.ts';"],
    ['src/app/x.ts', "import { a } from '../backends/clock/a.ts';\nimport { b } from '../worker/b.ts';"],
    ['src/worker/y.ts', "// import { a } from '../retry/a.ts';\nconst text = `\nimport x from '${1}'`;"],
  ])('allows %s', (path, text) => {
    expect(layerViolations(planted(path, text))).toEqual([]);
  });
});

describe('time, chance and the process come through ports', () => {
  it('holds for the whole source', () => {
    expect(forbiddenCalls(sourceFiles())).toEqual([]);
  });

  it.each([
    'const now = Date.now();',
    'const now = Date\n.now();'.replace('\n', ' '),
    'const now = new Date();',
    'const now = performance.now();',
    'const chance = Math.random();',
    'const id = crypto.randomUUID();',
    'setTimeout(() => {}, 5);',
    'const text = `${setInterval(f, 1)}`;',
    'fetch(url, { signal: AbortSignal.timeout(5) });',
    'const home = process.env.HOME;',
    "import { setTimeout as sleep } from 'node:timers/promises';",
    "import process from 'node:process';",
  ])('refuses: %s', (text) => {
    expect(forbiddenCalls(planted('src/worker/x.ts', text)).length).toBeGreaterThan(0);
  });

  it('refuses the process in cli and app outside the start of a process, and timers even there', () => {
    expect(forbiddenCalls(planted('src/cli/run-cli.ts', 'process.exit(1)'))).toHaveLength(1);
    expect(forbiddenCalls(planted('src/app/create-app.ts', 'process.env; process.execPath'))).toHaveLength(1);
    expect(forbiddenCalls(planted('src/config/settings.ts', 'process.env; process.cwd(); process.pid'))).toHaveLength(
      1,
    );
    expect(forbiddenCalls(planted('src/cli/main.ts', 'process.exit(1)'))).toEqual([]);
    expect(forbiddenCalls(planted('src/app/worker-main.ts', 'process.exit(1)'))).toEqual([]);
    expect(forbiddenCalls(planted('src/app/worker-main.ts', 'setTimeout(f, 1)'))).toHaveLength(1);
  });

  it.each([
    'const when = new Date(ms).toISOString();',
    '// Date.now() would be wrong here',
    "const advice = 'do not call Date.now() or process.exit()';",
    'const advice = `never setTimeout`;',
    'const pattern = /Math.random/;',
    'subprocess.kill(); this.process.kill();',
  ])('allows: %s', (text) => {
    expect(forbiddenCalls(planted('src/worker/x.ts', text))).toEqual([]);
  });
});

describe('the reader of source text', () => {
  it('keeps lines, and looks into the expressions of templates only', () => {
    const text = 'a(`x ${b(`y ${c} /* no */`)} "z"`); // d\nconst r = /["\'`]/; const e = "f";\n/* g */ h / 2 / 1;';
    const { code } = reduce(text);
    expect(code.split('\n')).toHaveLength(3);
    expect(code.replaceAll(/\s+/g, ' ')).toBe('a(` ${b(` ${c} `)} `); const r = / /; const e = " "; h / 2 / 1;');
  });
});
