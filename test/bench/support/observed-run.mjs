// One worker over items that take some CPU time each, watched or not, in this process: CPU time an item as one JSON line, and what the process takes once. As
// many items that take none come first and are not counted, until all code is compiled: a worker lives for longer than this.
// Usage: node test/bench/support/observed-run.mjs ITEMS HASHES off|quiet|logs|prints DIR (a new directory is made in DIR and left there)
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HASHED_BYTES, load } from './measure.mjs';
import { elementInput, openWorker, storeJob } from './worker-job.mjs';

const [counted, hashes] = process.argv.slice(2, 4).map(Number);
const how = process.argv[4];
const WARM = 10_000;
const PER_TASK = 2_500;
const items = WARM + counted;
/** Log text comes to the store with checkpoints, so there have to be some. */
const CHECKPOINT_MS = 2_000;

const SAYS = {
  off: '',
  quiet: '',
  logs: 'log.info(`sample ${payload.n} scored ${payload.n / 7}`, { words: 9, label: payload.text });',
  prints: 'console.log(`sample ${payload.n} scored ${payload.n / 7}`);',
};
const root = mkdtempSync(join(process.argv[5], 'run-'));
const path = join(root, 'handler.mjs');
writeFileSync(
  path,
  `import { createHash } from 'node:crypto';
const block = Buffer.alloc(${HASHED_BYTES});
export default async (payload, ${how === 'logs' ? '{ log }' : '_context'}) => {
  if (payload.n === ${WARM}) globalThis.warm = process.cpuUsage();
  if (payload.n >= ${WARM}) for (let n = 0; n < ${hashes}; n += 1) createHash('sha256').update(block).digest();
  ${SAYS[how]}
  return { id: payload.id, score: payload.n / 7, label: payload.text };
};
`,
);

/** As in src/app/worker-main.ts: what is looked at afterwards, or by others meanwhile, and that a worker could do without. */
async function watched(deps) {
  const { createBeacons } = await load('backends/beacon/index.js');
  const { createHandlerHost } = await load('backends/handler/index.js');
  const { createLogFiles } = await load('backends/log/index.js');
  return {
    ...deps,
    beacon: createBeacons().create(join(root, 'beacon')),
    handlers: createHandlerHost({ capturesConsole: true }),
    logFiles: createLogFiles(),
  };
}

const { runElement } = await load('worker/run-element.js');
const { DEFAULT_LOGS } = await load('domain/log-line.js');
const plain = await openWorker(root);
const deps = how === 'off' ? plain : await watched(plain);
const extra = { checkpoint: { everyMs: CHECKPOINT_MS }, logs: DEFAULT_LOGS };
const job = await storeJob(deps, { root, path, items, perTask: PER_TASK, extra });
const start = process.cpuUsage();
const report = await runElement(deps, elementInput(job));
const end = process.cpuUsage();
deps.beacon?.close();
if (report.items !== items || report.failed !== 0) throw new Error(`unexpected report ${JSON.stringify(report)}`);
const us = (from, to) => to.user + to.system - from.user - from.system;
const cpuUsPerItem = us(globalThis.warm, end) / counted;
const onceMs = (us(start, end) - cpuUsPerItem * counted) / 1_000;
// The result must not be mistaken for what a handler prints.
process.stdout.write(`\n${JSON.stringify({ cpuUsPerItem, onceMs })}\n`);
