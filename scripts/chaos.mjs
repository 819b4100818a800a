// `npm run chaos -- …`: compiles slurmctl and the chaos runner to a private directory and runs them there. See docs/development/chaos.md.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// Below the project, so that it is a module of it and its packages are found.
const cache = join(ROOT, 'node_modules/.cache/slurmctl-chaos');
mkdirSync(cache, { recursive: true });
const directory = mkdtempSync(join(cache, 'build-'));
const product = join(directory, 'product');

function compile(config, outDir) {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const argv = [compiler, '-p', join(ROOT, 'scripts/config', config), '--outDir', outDir];
  execFileSync(process.execPath, argv, { stdio: ['ignore', 2, 2] });
}

try {
  compile('tsconfig.build.json', join(product, 'dist'));
  for (const name of ['bin', 'templates', 'package.json'])
    cpSync(join(ROOT, name), join(product, name), { recursive: true });
  compile('tsconfig.chaos.json', directory);
  for (const name of ['scripts/slurm-cluster', 'scripts/slurm-cluster.d'])
    cpSync(join(ROOT, name), join(directory, name), { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  const main = join(directory, 'test/support/chaos-main.js');
  const child = spawn(process.execPath, [main, '--project', product, ...process.argv.slice(2)], { stdio: 'inherit' });
  // An interrupt reaches the runner, too; this process stays until that has stopped its Slurm.
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => void child.kill('SIGTERM'));
  process.exitCode = await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
