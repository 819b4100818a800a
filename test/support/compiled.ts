import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Below the project, so that its packages are found; out of the way of `dist`, which a build may be replacing. */
const CACHE = join(ROOT, 'node_modules/.cache/slurmctl-test');
const COPIED = ['bin', 'templates', 'package.json'];
const KEPT_MS = 24 * 3_600_000;

/**
 * A directory with the sources compiled as a release has them (`dist/`, with `bin/` and `templates/` beside it), for tests that start
 * real processes. Compiled once for the present sources and shared by all tests; type errors do not stop it, as another check finds those.
 */
export const compiledProject = (): Promise<string> => (known ??= compiled());

/** Of this test file: to read every source again costs more than to start what was compiled. */
let known: Promise<string> | undefined;

async function compiled(): Promise<string> {
  const target = join(
    CACHE,
    digestOf([...filesBelow('src'), ...COPIED.flatMap(filesBelow), 'scripts/config/tsconfig.build.json']),
  );
  if (existsSync(target)) return target;
  const building = `${target}.${process.pid}.${performance.now()}`;
  mkdirSync(building, { recursive: true });
  await compileInto(join(building, 'dist'));
  for (const name of COPIED)
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(building, name), { recursive: true });
  try {
    renameSync(building, target);
  } catch (error) {
    // Another test process compiled the same sources meanwhile.
    if (!existsSync(target)) throw error;
    rmSync(building, { recursive: true });
  }
  removeOld(target);
  return target;
}

async function compileInto(outDir: string): Promise<void> {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const argv = [compiler, '-p', join(ROOT, 'scripts/config/tsconfig.build.json'), '--outDir', outDir];
  try {
    await promisify(execFile)(process.execPath, argv);
  } catch (error) {
    if (!existsSync(outDir)) throw error;
  }
}

function filesBelow(path: string): string[] {
  const absolute = join(ROOT, path);
  if (!existsSync(absolute)) return [];
  if (!statSync(absolute).isDirectory()) return [path];
  return readdirSync(absolute)
    .toSorted()
    .flatMap((name) => filesBelow(join(path, name)));
}

function digestOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(join(ROOT, path)));
  return hash.digest('hex').slice(0, 16);
}

function removeOld(current: string): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name);
    const ageMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (path !== current && ageMs > KEPT_MS) rmSync(path, { recursive: true, force: true });
  }
}
