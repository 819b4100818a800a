// Shared by the benches: paired runs, medians and one form of report.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** URL of the compiled code that is measured, with a slash at its end; `npm run bench` names a private build. */
export const DIST = process.env.SLURMCTL_BENCH_DIST ?? new URL('../../../dist/', import.meta.url).href;

/** Imports a compiled module by its path below `src`. */
export const load = (path) => import(new URL(path, DIST).href);

/** Path of a file of the compiled project, e.g. bin/slurmctl.js. */
export const projectFile = (path) => fileURLToPath(new URL(`../${path}`, DIST));

/** Of a block that handlers hash to spend CPU time. */
export const HASHED_BYTES = 64 * 1024;

export const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * Runs every contender once a round, in an order that turns from round to round, so that whatever else the machine does meets all of
 * them alike. After one round that does not count; the values of each contender, round by round.
 */
export async function interleaved(rounds, contenders) {
  const names = Object.keys(contenders);
  const values = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -1; round < rounds; round += 1)
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + Math.max(round, 0)) % names.length];
      const value = await contenders[name]();
      if (round >= 0) values[name].push(value);
    }
  return values;
}

/** Median of the ratios (or differences) within each round. */
export const pairedRatio = (ours, theirs) => median(ours.map((value, round) => value / theirs[round]));
export const pairedDifference = (ours, theirs) => median(ours.map((value, round) => value - theirs[round]));

/** Runs a program to its end, reading its output; wall time in ms. Throws when it does not exit with 0. */
export function wallMs(argv, options = {}) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(argv[0], argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    let stdout = '';
    child.stdout.on('data', (text) => {
      stdout += text;
      output += text;
    });
    child.stderr.on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const ms = performance.now() - start;
      if (code === 0) resolve({ ms, stdout });
      else reject(new Error(`${argv.join(' ')} ended with ${code ?? signal}\n${output}`));
    });
  });
}

/** Wall time of a Node process, ms. */
export const nodeMs = async (args, options) => (await wallMs([process.execPath, ...args], options)).ms;

/** Progress for the person who waits; figures go to stdout. */
export const say = (text) => process.stderr.write(`${text}\n`);

/**
 * Prints the one JSON document of a bench: `figures` are `{what, value, unit, atMost?}`, the aim being "at most"; `detail` is whatever else
 * was seen.
 */
export function report(bench, figures, detail = {}) {
  process.stdout.write(`${JSON.stringify({ schema: 'slurmctl.bench/1', bench, figures, detail }, null, 2)}\n`);
}
