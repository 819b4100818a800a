// Stands for your own program: takes a path, prints one JSON value. What it writes to stderr goes to `slurmctl logs`.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const path = process.argv[2];
const text = readFileSync(path, 'utf8');

const result = {
  file: basename(path),
  lines: text.split('\n').length - 1,
  words: text.split(/\s+/).filter((word) => word !== '').length,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
