// What watching costs a worker: the same items with everything that tells of them (the beacon with its watchdog, the log on the node and in the store, the capture
// of what is printed) and without, and with a line an item; CPU time of the whole process.
// Usage: node test/bench/observe-overhead.bench.mjs [--items 2000] [--trivial 20000] [--rounds 5]
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  HASHED_BYTES,
  interleaved,
  median,
  pairedDifference,
  pairedRatio,
  report,
  say,
  wallMs,
} from './support/measure.mjs';

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '2000' },
    trivial: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '5' },
  },
});
const HANDLER_US = 1_000;
const script = fileURLToPath(new URL('support/observed-run.mjs', import.meta.url));
// Nothing is removed before the end: for a minute after a deletion ext4 makes creating files dearer, for whoever comes next.
const work = mkdtempSync(join(tmpdir(), 'slurmctl-bench-observe-'));

/** So many hashes take a millisecond of CPU; the same work is then done in every run. */
function hashesOfWork() {
  const block = Buffer.alloc(HASHED_BYTES);
  const rounds = Array.from({ length: 50 }, () => {
    const before = process.cpuUsage();
    for (let n = 0; n < 20; n += 1) createHash('sha256').update(block).digest();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 20;
  });
  return Math.max(1, Math.round(HANDLER_US / median(rounds)));
}

const runs = (items, hashes) => (how) => async () => {
  const { stdout } = await wallMs([process.execPath, script, items, String(hashes), how, work]);
  const seen = JSON.parse(stdout.trimEnd().split('\n').at(-1));
  const what = `${seen.cpuUsPerItem.toFixed(2)} µs an item, ${seen.onceMs.toFixed(0)} ms once`;
  say(`${hashes === 0 ? 'trivial' : '1 ms'}, ${how}: ${what}`);
  return seen;
};
const contenders = (run) => Object.fromEntries(['off', 'quiet', 'logs', 'prints'].map((how) => [how, run(how)]));

const cpuOf = (seen) =>
  Object.fromEntries(Object.entries(seen).map(([how, all]) => [how, all.map(({ cpuUsPerItem }) => cpuUsPerItem)]));

try {
  const rounds = Number(values.rounds);
  const seenTrivial = await interleaved(rounds, contenders(runs(values.trivial, 0)));
  const seenReal = await interleaved(rounds, contenders(runs(values.items, hashesOfWork())));
  const [trivial, real] = [cpuOf(seenTrivial), cpuOf(seenReal)];
  const once = (how) => seenTrivial[how].map(({ onceMs }) => onceMs);
  const more = (how) => (pairedRatio(real[how], real.off) - 1) * 100;
  const each = (how, than) => pairedDifference(trivial[how], trivial[than]);
  report(
    'observe-overhead',
    [
      { what: 'CPU an item of 1 ms, nothing watched', value: median(real.off) / 1_000, unit: 'ms' },
      { what: 'more of it with everything watched', value: more('quiet'), unit: '%' },
      { what: 'the same, the handler logs a line an item', value: more('logs'), unit: '%', atMost: 1 },
      { what: 'the same, the handler prints a line an item', value: more('prints'), unit: '%', atMost: 1 },
      { what: 'an item that takes no time, nothing watched', value: median(trivial.off), unit: 'µs' },
      { what: 'to watch an item', value: each('quiet', 'off'), unit: 'µs', atMost: HANDLER_US / 100 },
      { what: 'a line that it logs', value: each('logs', 'quiet'), unit: 'µs' },
      { what: 'a line that it prints', value: each('prints', 'quiet'), unit: 'µs' },
      { what: 'once in the life of a worker', value: pairedDifference(once('quiet'), once('off')), unit: 'ms' },
    ],
    { trivial: seenTrivial, real: seenReal },
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
