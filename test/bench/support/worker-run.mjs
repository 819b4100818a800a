// One worker over tasks with a handler that does nothing, in this process: CPU time from claim to commit as one JSON line.
// Usage: node test/bench/support/worker-run.mjs ITEMS ITEMS_A_TASK plain|phases DIR (a new directory is made in DIR and left there)
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from './measure.mjs';
import { cpuUs, elementInput, openWorker, storeJob } from './worker-job.mjs';

const [items, perTask] = process.argv.slice(2, 4).map(Number);
const phases = process.argv[4] === 'phases';
const { runElement } = await load('worker/run-element.js');

const root = mkdtempSync(join(process.argv[5], 'run-'));
const spent = new Map();
const timed =
  (name, fn) =>
  (...args) => {
    const start = cpuUs();
    const result = fn(...args);
    const end = () => spent.set(name, (spent.get(name) ?? 0) + cpuUs() - start);
    if (typeof result?.then === 'function') return result.finally(end);
    end();
    return result;
  };
/** Phases are measured by wrapping the ports; what is left is the worker's own loop: decode, handler, normalise, outcome. */
const phased = (deps) => ({
  ...deps,
  resultFiles: {
    ...deps.resultFiles,
    create: (path) => {
      const file = deps.resultFiles.create(path);
      return { ...file, append: timed('sqlite append', file.append), seal: timed('sqlite seal', file.seal) };
    },
  },
  leafParts: { write: timed('leaf part (with sqlite read)', deps.leafParts.write) },
  store: {
    ...deps.store,
    get: timed('store get', deps.store.get),
    put: timed('store put', deps.store.put),
    putFile: timed('store putFile', deps.store.putFile),
  },
  state: { ...deps.state, write: timed('state write', deps.state.write), query: deps.state.query },
});

const path = join(root, 'handler.mjs');
writeFileSync(
  path,
  'export default async (payload) => ({ id: payload.id, score: payload.n / 7, label: payload.text });',
);
const deps = await openWorker(root);
const job = await storeJob(deps, { root, path, items, perTask });
const wallStart = performance.now();
const start = cpuUs();
const wrapped = phases ? phased(deps) : deps;
const report = await runElement(wrapped, elementInput(job));
const total = cpuUs() - start;
if (report.items !== items || report.failed !== 0) throw new Error(`unexpected report ${JSON.stringify(report)}`);
const each = (us) => Number((us / items).toFixed(2));
const ports = Object.fromEntries([...spent].map(([name, us]) => [name, each(us)]));
const rest = each(total) - Object.values(ports).reduce((sum, us) => sum + us, 0);
console.log(
  JSON.stringify({
    cpuUsPerItem: each(total),
    wallMs: Math.round(performance.now() - wallStart),
    phasesUsPerItem: phases ? { ...ports, 'decode, handler, normalise, outcome': Number(rest.toFixed(2)) } : null,
    rssMiB: Math.round(process.memoryUsage().rss / 1024 ** 2),
  }),
);
