// A rate limit kept by many processes at once, against a provider that refuses what is too much: slurmctl's limiter, a token bucket in the same
// table that is asked for every call, and an equal share for each. First every process has calls waiting, then only a few have.
// Usage: node test/bench/limits.bench.mjs [--workers 40] [--a-minute 3000] [--even-s 65] [--uneven-s 20] [--tables fs,dynamodb]
//          [--contenders limiter,bucket,split]
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { admittedShares, jainIndex, overAdmission, refusedShare, utilisation } from '../support/provider-judge.mjs';
import { startAwsServers } from './support/aws-servers.mjs';
import { CONTENDERS, prepare } from './support/limit-contenders.mjs';
import { makeTable } from './support/dynamo-table.mjs';
import { load, report, say } from './support/measure.mjs';
import { startProvider } from './support/provider.mjs';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '40' },
    'a-minute': { type: 'string', default: '3000' },
    'even-s': { type: 'string', default: '65' },
    'uneven-s': { type: 'string', default: '20' },
    tables: { type: 'string', default: 'fs,dynamodb' },
    contenders: { type: 'string', default: Object.keys(CONTENDERS).join(',') },
  },
});
const WORKERS = Number(values.workers);
const RATE = { amount: Number(values['a-minute']), perMs: 60_000 };
const EVEN_MS = 1_000 * Number(values['even-s']);
const UNEVEN_MS = 1_000 * Number(values['uneven-s']);
/** Of the processes, those that still have calls waiting in the second part. */
const BUSY_LATER = Math.ceil(WORKERS / 8);
const IN_FLIGHT = 4;
const CALL_MS = 200;
/** What the provider takes at once: five seconds' worth. */
const BURST = (RATE.amount / RATE.perMs) * 5_000;
/** Until everybody has its first turn; not looked at for utilisation and fairness. */
const WARM_UP_MS = 5_000;
const WINDOWS_S = [1, 10, 60];
const TABLE = 'slurmctl-bench-limits';

const home = mkdtempSync(join(tmpdir(), 'slurmctl-bench-limits-'));
const provider = await startProvider({ limits: { requests: { ...RATE, burst: BURST } }, latencyMs: CALL_MS });
const workers = [];
const figures = [];
const detail = {};
let servers = null;
try {
  await main();
} finally {
  for (const worker of workers) worker.disconnect();
  provider.stop();
  servers?.stop();
  rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
report('limits', figures, detail);

async function main() {
  for (const table of values.tables.split(',')) {
    const url = table === 'fs' ? pathToFileURL(join(home, 'state')).href : await dynamoTable();
    const state = await openTable(url);
    await prepare(state, RATE);
    if (workers.length === 0) await startWorkers();
    await Promise.all(workers.map((worker) => asked(worker, { open: { url } })));
    for (const contender of values.contenders.split(',')) judge(table, contender, await play(contender));
  }
}

async function dynamoTable() {
  servers = startAwsServers();
  for (const worker of workers) await asked(worker, { env: servers.env });
  return makeTable(TABLE, servers.env.AWS_ENDPOINT_URL_DYNAMODB);
}

async function openTable(url) {
  const { createSurroundings } = await load('app/job-backends.js');
  const { openState } = await load('app/open-backends.js');
  return openState(url, createSurroundings(process.env));
}

/** A few at a time: loading the code is the dearest thing that they do. */
async function startWorkers() {
  const script = new URL('support/limit-worker.mjs', import.meta.url);
  while (workers.length < WORKERS) {
    const batch = Array.from({ length: Math.min(4, WORKERS - workers.length) }, () => fork(script));
    for (const worker of batch)
      worker.on('exit', (code) => {
        if (code !== 0) throw new Error(`a worker ended with ${code}`);
      });
    workers.push(...batch);
    await Promise.all(batch.map((worker) => once(worker, 'message')));
  }
}

async function asked(worker, message) {
  const answer = once(worker, 'message');
  worker.send(message);
  return (await answer)[0];
}

/** One round; what the provider saw, by the time since its beginning, and what the processes say. */
async function play(contender) {
  await provider.begin();
  const { nowMs } = await provider.ledger();
  const beginMs = Date.now() + 1_000;
  const zeroMs = nowMs + 1_000;
  const runs = workers.map((worker, n) => {
    const lastsMs = n < BUSY_LATER ? EVEN_MS + UNEVEN_MS : EVEN_MS;
    return asked(worker, {
      run: {
        contender,
        caller: `w${n}`,
        rate: RATE,
        share: 1 / WORKERS,
        provider: provider.call,
        inFlight: IN_FLIGHT,
        beginMs,
        endMs: beginMs + lastsMs,
      },
    });
  });
  const told = (await Promise.all(runs)).map(({ done }) => done);
  const { arrivals } = await provider.ledger();
  return { told, arrivals: arrivals.map((arrival) => ({ ...arrival, atMs: arrival.atMs - zeroMs })) };
}

/** How many calls were admitted in each span of five seconds: what the beginning and the change of demand look like. */
function slices(arrivals) {
  const counts = Array.from({ length: Math.ceil((EVEN_MS + UNEVEN_MS) / 5_000) }, () => 0);
  for (const { atMs, admitted } of arrivals) {
    const slice = Math.min(counts.length - 1, Math.max(0, Math.floor(atMs / 5_000)));
    if (admitted) counts[slice] += 1;
  }
  return counts;
}

function judge(table, contender, { told, arrivals }) {
  const of = { unit: 'requests', rate: RATE };
  const sum = (name) => told.reduce((all, one) => all + one[name], 0);
  const waits = told.flatMap((one) => one.waits).toSorted((a, b) => a - b);
  const admitted = arrivals.filter((arrival) => arrival.admitted).length;
  const even = arrivals.filter(({ atMs }) => atMs >= WARM_UP_MS && atMs < EVEN_MS);
  const callers = told.map(({ caller }) => caller);
  const [firstBusy, lastBusy] = [EVEN_MS + WARM_UP_MS, EVEN_MS + UNEVEN_MS];
  const used = (fromMs, toMs) => 100 * utilisation(arrivals, { ...of, spans: [{ fromMs, toMs }] });
  const seen = [
    ...WINDOWS_S.map((seconds) => ({
      what: `most in ${seconds} s above the rate`,
      value: 100 * overAdmission(arrivals, { ...of, windowMs: 1_000 * seconds }),
      unit: '%',
      ...(contender === 'limiter' && seconds === 60 ? { atMost: 1 } : {}),
    })),
    { what: 'used of the rate, everybody busy', value: used(WARM_UP_MS, EVEN_MS), unit: '%' },
    { what: `used of the rate, ${BUSY_LATER} of ${WORKERS} busy`, value: used(firstBusy, lastBusy), unit: '%' },
    { what: 'Jain index', value: jainIndex(admittedShares(even, { unit: 'requests', callers })), unit: '' },
    { what: 'refused by the provider', value: 100 * refusedShare(arrivals), unit: '%' },
    { what: 'writes of the table a call', value: sum('writes') / admitted, unit: '' },
    { what: 'reads of the table a call', value: sum('reads') / admitted, unit: '' },
  ];
  figures.push(...seen.map((figure) => ({ ...figure, what: `${table}, ${contender}: ${figure.what}` })));
  const errors = told.flatMap((one) => one.errors);
  detail[`${table} ${contender}`] = {
    arrivals: arrivals.length,
    admitted,
    refusedWrites: sum('refused'),
    admittedEvery5S: slices(arrivals),
    expiredLeases: sum('expiredLeases'),
    admittedByCaller: admittedShares(even, { unit: 'requests', callers }),
    waitMs: { p50: waits[waits.length >> 1], p99: waits[Math.floor(waits.length * 0.99)] },
    errors: { count: errors.length, first: errors.slice(0, 3) },
  };
  say(`${table}, ${contender}: ${seen.map(({ what, value }) => `${what} ${value.toFixed(2)}`).join(' · ')}`);
  say(JSON.stringify(detail[`${table} ${contender}`]));
}
