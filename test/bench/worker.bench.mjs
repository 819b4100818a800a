// Worker overhead: a handler that does nothing over 100,000 items on the fs drivers, from claim to commit: CPU time of the whole process an
// item, SQLite and leaf Parquet included, and where it goes.
// Usage: node test/bench/worker.bench.mjs [--items 100000] [--runs 5]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { interleaved, median, report, say, wallMs } from './support/measure.mjs';

const { values } = parseArgs({
  options: { items: { type: 'string', default: '100000' }, runs: { type: 'string', default: '5' } },
});
// Nothing is removed before the end: for a minute after a deletion ext4 makes creating files dearer, for whoever comes next.
const work = mkdtempSync(join(tmpdir(), 'slurmctl-bench-worker-'));
const script = fileURLToPath(new URL('support/worker-run.mjs', import.meta.url));

const run = (perTask, kind) => async () => {
  const { stdout } = await wallMs([process.execPath, script, values.items, String(perTask), kind, work]);
  const seen = JSON.parse(stdout);
  say(`tasks of ${perTask}, ${kind}: ${seen.cpuUsPerItem} µs an item, ${seen.wallMs} ms, ${seen.rssMiB} MiB`);
  return seen;
};

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function main() {
  const runs = await interleaved(Number(values.runs), {
    large: run(10_000, 'plain'),
    small: run(500, 'plain'),
    phases: run(10_000, 'phases'),
  });
  const cpu = (name) => median(runs[name].map((seen) => seen.cpuUsPerItem));
  const phases = Object.keys(runs.phases[0].phasesUsPerItem).map((name) => ({
    what: `of which: ${name}`,
    value: median(runs.phases.map((seen) => seen.phasesUsPerItem[name])),
    unit: 'µs',
  }));

  report(
    'worker',
    [
      { what: 'CPU an item, tasks of 10,000 items', value: cpu('large'), unit: 'µs', atMost: 40 },
      ...phases.toSorted((a, b) => b.value - a.value),
      { what: 'CPU an item, tasks of 500 items', value: cpu('small'), unit: 'µs' },
      { what: 'memory at the end', value: median(runs.large.map((seen) => seen.rssMiB)), unit: 'MiB' },
    ],
    { runs },
  );
}
