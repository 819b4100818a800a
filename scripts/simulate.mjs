// `npm run simulate -- …`: compiles the simulator with the rooms it runs to a private directory and runs it there.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// Below the project, so that it is a module of it and its packages are found.
const cache = join(ROOT, 'node_modules/.cache/slurmctl-simulation');
mkdirSync(cache, { recursive: true });
const directory = mkdtempSync(join(cache, 'build-'));
try {
  const config = join(ROOT, 'scripts/config/tsconfig.simulation.json');
  const compiler = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config, '--outDir', directory];
  execFileSync(process.execPath, compiler, { stdio: 'inherit' });
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const main = join(directory, 'test/simulation/main.js');
  const { status } = spawnSync(process.execPath, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
