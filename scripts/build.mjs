// Compiles src/ to dist/ with the TypeScript compiler alone: stack traces map one to one and nothing is bundled.
// A build beside it takes its place when it is whole, so that commands that start meanwhile find the old one or the new one.
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;
const made = `${dist}.new-${process.pid}`;
const old = `${dist}.old-${process.pid}`;
const compiler = `${root}node_modules/typescript/bin/tsc`;
const remove = (path) => rmSync(path, { recursive: true, force: true });

try {
  const argv = [compiler, '-p', `${root}scripts/config/tsconfig.build.json`, '--outDir', made];
  execFileSync(process.execPath, argv, { stdio: 'inherit' });
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(made, dist);
} catch (error) {
  // The compiler has said on its own what is wrong with the sources.
  if (error.status === undefined || error.status === null) throw error;
  process.exitCode = 1;
} finally {
  remove(made);
  remove(old);
}
