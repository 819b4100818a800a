// Split of 1,000,000 JSON lines (~200 B each) into the fs store, against `split -l` on the same file in the same run.
// Usage: node test/bench/split.bench.mjs [--pairs 5]
import { execFile, execFileSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { load, median, report, say } from './support/measure.mjs';

const here = fileURLToPath(import.meta.url);
const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '5' },
    child: { type: 'string' },
    id: { type: 'string' },
    work: { type: 'string' },
  },
});
const BATCH_ITEMS = 1000;

if (values.child === undefined) await main();
else await child(values.child, values.work);

async function main() {
  // Nothing is removed before the end: for a minute after a deletion ext4 makes creating files dearer, for whoever comes next.
  const work = mkdtempSync(join(tmpdir(), 'slurmctl-bench-split-'));
  try {
    const big = join(work, 'million.jsonl');
    const small = join(work, 'hundred-thousand.jsonl');
    await generate(big, 1_000_000);
    await generate(small, 100_000);
    const pairs = [];
    for (let pair = -1; pair < Number(values.pairs); pair += 1) {
      // The order turns, and the first pair only warms the file cache.
      const before = pair % 2 === 0 ? timeSplit(big, work) : undefined;
      const ours = await run(big, work);
      const measured = { ...ours, splitMs: before ?? timeSplit(big, work) };
      if (pair >= 0) pairs.push(measured);
      say(
        `split -l ${Math.round(measured.splitMs)} ms, slurmctl ${Math.round(measured.wallMs)} ms (CPU ${Math.round(measured.cpuMs)} ms)`,
      );
    }
    const tenth = await run(small, work);
    const withIds = await run(big, work, ['--id', 'id']);
    const rssMiB = median(pairs.map((pair) => pair.rssMiB));
    report(
      'split',
      [
        {
          what: 'split and store 1,000,000 lines, wall time against `split -l`',
          value: median(pairs.map((pair) => pair.wallMs / pair.splitMs)),
          unit: '×',
          atMost: 3,
        },
        { what: 'split and store, wall time', value: median(pairs.map((pair) => pair.wallMs)) / 1000, unit: 's' },
        { what: '`split -l` beside it', value: median(pairs.map((pair) => pair.splitMs)) / 1000, unit: 's' },
        { what: 'split and store, CPU time', value: median(pairs.map((pair) => pair.cpuMs)) / 1000, unit: 's' },
        {
          what: 'peak memory for 1,000,000 lines against 100,000',
          value: rssMiB / tenth.rssMiB,
          unit: '×',
          atMost: 1.5,
        },
        { what: 'peak memory', value: rssMiB, unit: 'MiB' },
        { what: 'the same with ids from a field, proved unique', value: withIds.wallMs / 1000, unit: 's' },
      ],
      { pairs, tenth, withIds },
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function generate(path, lines) {
  const out = createWriteStream(path);
  let text = '';
  for (let index = 0; index < lines; index += 1) {
    const record = {
      id: `doc-${index}`,
      title: `A title of some length ${(index * 7919) % 10007}`,
      year: 1990 + (index % 30),
      score: index / 7,
      tags: ['alpha', 'beta'],
      text: 'x'.repeat(50) + index,
      flag: index % 2 === 0,
    };
    text += `${JSON.stringify(record)}\n`;
    if (text.length < 1 << 20) continue;
    if (!out.write(text)) await once(out, 'drain');
    text = '';
  }
  out.end(text);
  await once(out, 'finish');
}

function timeSplit(path, work) {
  const out = mkdtempSync(join(work, 'split-'));
  const start = performance.now();
  execFileSync('split', ['-l', String(BATCH_ITEMS), '-a', '5', path, join(out, 'x')]);
  const ms = performance.now() - start;
  return ms;
}

async function run(path, work, more = []) {
  const { stdout } = await promisify(execFile)(process.execPath, [here, '--child', path, '--work', work, ...more]);
  return JSON.parse(stdout);
}

async function child(path, work) {
  const { createInputSources, createIdLedgers } = await load('backends/input/index.js');
  const { createFsObjectStore } = await load('backends/object-store/fs.js');
  const { splitInput } = await load('coordinator/split/split-input.js');
  const { createSystemIds } = await load('backends/random.js');
  const { createScratch } = await load('backends/scratch.js');
  const root = mkdtempSync(join(work, 'store-'));
  const ids = createSystemIds({ nowMs: () => Date.now() });
  const deps = {
    inputs: createInputSources(),
    ledgers: createIdLedgers({ scratch: createScratch({ env: { SLURMCTL_SCRATCH: work }, ids }) }),
    store: createFsObjectStore({ root, ids }),
  };
  const input = {
    kind: 'file',
    path,
    format: 'jsonl',
    compression: 'none',
    onBadRecord: 'stop',
    ...(values.id ? { id: values.id } : {}),
  };
  const start = performance.now();
  const cpu = process.cpuUsage();
  const result = await splitInput(deps, {
    job: 'bench-00000000',
    spec: { input, batch: { items: BATCH_ITEMS, bytes: 16 * 1024 * 1024 } },
  });
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const rssMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(JSON.stringify({ wallMs, cpuMs: (user + system) / 1000, rssMiB, counts: result.counts }));
}
