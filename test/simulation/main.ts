/** `npm run simulate`: one seed with its trace, or many with a summary. */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { CAUGHT_BY } from './mutations/caught-by.ts';
import { mutations } from './mutations/list.ts';
import { runSeed, type SeedResult } from './run-seed.ts';
import { shrinkSeed } from './shrink.ts';
import { measureSilence } from './silence.ts';

const USAGE = `usage: npm run simulate -- --seed N [--mutation NAME]         one seed with its trace
       npm run simulate -- --seed N --shrink                  the same with as few of its faults as will do
       npm run simulate -- --seeds COUNT [--from N]           many, with a summary; exit code 1 when one is red
       npm run simulate -- --mutation NAME [--seeds COUNT]    the first seeds that find out that a guard is missing
       npm run simulate -- --silence COUNT [--from N]         how long a worker that falls silent goes unnoticed
       npm run simulate -- --mutations                        names the guards that can be taken away
`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const now = performance.now.bind(performance);

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    mutation: { type: 'string' },
    mutations: { type: 'boolean', default: false },
    silence: { type: 'string' },
    shrink: { type: 'boolean', default: false },
  },
});

process.on('unhandledRejection', (error) => {
  print(`a promise was rejected and nobody looked: ${error instanceof Error ? error.stack : String(error)}`);
  process.exitCode = 1;
});

const mutation = values.mutation === undefined ? undefined : mutations.find(({ name }) => name === values.mutation);
const options = mutation === undefined ? {} : { mutation };

async function showSeed(seed: number): Promise<void> {
  const drawn = await runSeed(seed, options);
  const result = values.shrink && drawn.violations.length > 0 ? await smallest(drawn) : drawn;
  const { incidents, behaviours: _, bad, ...plan } = result.plan;
  print(JSON.stringify({ ...plan, bad: [...bad], incidents: incidents.length }, null, 1));
  for (const line of result.trace.lines()) print(line);
  print(`\nseed ${seed}: ${verdict(result)}; trace ${result.trace.hash()}`);
  if (result.violations.length > 0) process.exitCode = 1;
}

async function smallest(red: SeedResult): Promise<SeedResult> {
  const { result, runs } = await shrinkSeed(red, options, (what) => process.stderr.write(`still red: ${what}\n`));
  print(`${runs} runs; incidents that are left: ${JSON.stringify(result.plan.incidents)}`);
  return result;
}

const verdict = ({ violations, states, counts, tookMs, events }: SeedResult): string => {
  const how = violations.length === 0 ? `green, ${states.join(' ')}` : 'RED';
  const found = violations.map(({ invariant, message }) => `\n  ${invariant}: ${message}`).join('');
  return `${how} after ${Math.round(tookMs / 60_000)} min, ${events} events, ${JSON.stringify(counts)}${found}`;
};

async function runMany(from: number, count: number): Promise<void> {
  const startedMs = now();
  const red: number[] = [];
  const states = new Map<string, number>();
  const sums: Record<string, number> = {};
  for (let seed = from; seed < from + count; seed += 1) {
    const result = await runSeed(seed);
    for (const state of result.states) states.set(state, (states.get(state) ?? 0) + 1);
    for (const [name, value] of Object.entries(result.counts)) sums[name] = (sums[name] ?? 0) + value;
    if (result.violations.length === 0) continue;
    red.push(seed);
    print(`seed ${seed}: ${verdict(result)}`);
  }
  const seconds = (now() - startedMs) / 1_000;
  print(`${count} seeds from ${from} in ${seconds.toFixed(1)} s (${(count / seconds).toFixed(0)} a second)`);
  print(`jobs ended: ${[...states].map(([state, times]) => `${times} ${state}`).join(', ')}`);
  print(
    `in all: ${Object.entries(sums)
      .map(([name, sum]) => `${sum} ${name}`)
      .join(', ')}`,
  );
  print(red.length === 0 ? 'all green' : `${red.length} RED: ${red.join(' ')}`);
  if (red.length > 0) process.exitCode = 1;
}

async function showSilence(from: number, count: number): Promise<void> {
  const { delaysMs, idle, red } = await measureSilence(from, count);
  const minutes = (part: number): string =>
    ((delaysMs[Math.max(0, Math.ceil(delaysMs.length * part) - 1)] ?? Number.NaN) / 60_000).toFixed(1);
  print(
    `${delaysMs.length} workers stopped in the middle of a task, ${idle} between two; virtual minutes until its state said so:`,
  );
  print(`first ${minutes(0)}, median ${minutes(0.5)}, 9 of 10 within ${minutes(0.9)}, longest ${minutes(1)}`);
  print(red.length === 0 ? 'all green' : `${red.length} RED: ${red.join(' ')}`);
  if (red.length > 0) process.exitCode = 1;
}

async function huntMutation(most: number): Promise<void> {
  const found: number[] = [];
  for (let seed = 1; seed <= most && found.length < 5; seed += 1) {
    const result = await runSeed(seed, options);
    if (result.violations.length === 0) continue;
    found.push(seed);
    print(`seed ${seed}: ${verdict(result)}`);
  }
  print(`${values.mutation}: ${found.length === 0 ? `NO seed up to ${most}` : `seeds ${found.join(' ')}`}`);
}

if (values.mutation !== undefined && mutation === undefined) {
  process.stderr.write(`there is no mutation ${values.mutation}\n${USAGE}`);
  process.exitCode = 2;
} else if (values.mutations) for (const { name } of mutations) print(`${name} (seed ${CAUGHT_BY[name]})`);
else if (values.silence !== undefined) await showSilence(Number(values.from), Number(values.silence));
else if (values.seed !== undefined) await showSeed(Number(values.seed));
else if (mutation !== undefined) await huntMutation(Number(values.seeds ?? 2_000));
else if (values.seeds !== undefined) await runMany(Number(values.from), Number(values.seeds));
else process.stderr.write(USAGE);
