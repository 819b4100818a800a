#!/usr/bin/env node
// Thin shim over dist/: says clearly what is missing instead of failing with a stack.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../dist/cli/main.js', import.meta.url);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `error: slurmctl needs Node 20.19 or newer; this is Node ${process.versions.node} (${process.execPath})\n` +
      'hint: load a newer Node module, or put one first in PATH\n',
  );
  process.exitCode = 2;
} else if (!existsSync(main)) {
  process.stderr.write('error: slurmctl is not built: dist/cli/main.js is missing\nhint: run: npm run build\n');
  process.exitCode = 2;
} else {
  await import(main.href);
}
