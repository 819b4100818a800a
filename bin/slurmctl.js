#!/usr/bin/env node
// Thin shim over dist/: says clearly what is missing instead of failing with a stack.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../dist/cli/main.js', import.meta.url);
/** As Node names a file of ours that it does not find; a package that is not there is named otherwise. */
const ours = `'${fileURLToPath(new URL('../dist/', import.meta.url))}`;

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
  try {
    await import(main.href);
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes(ours)) throw error;
    process.stderr.write(
      `error: slurmctl is not complete: ${error.message.split('\n')[0]}\n` +
        'hint: it is being installed or built just then: try again in a minute; if that does not help, install it anew, or run: npm run build\n',
    );
    process.exitCode = 2;
  }
}
