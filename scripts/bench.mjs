// `npm run bench [-- NAME … --write]`: compiles the sources to a private directory, runs the benches one after the other and prints one table.
// With --write the tables in docs/benchmarks.md are replaced too; without it nothing of the project is touched.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(ROOT, 'docs/benchmarks.md');
/** What a bench measures, in the order in which they run: the one that takes longest comes last. */
const BENCHES = {
  startup: 'start-up of the command line and of a worker',
  status: 'status, list and advance with a job of 10,000 tasks',
  observe: 'every command that looks at a job: 10,000 tasks, 10,000,000 items, 1,000,000 failures; 1,000 jobs',
  advance: 'the retry planner, and passes over 10,000 tasks that failed',
  worker: 'CPU time of a worker an item',
  'observe-overhead': 'what watching costs a worker: beacon, logs, capture (some minutes)',
  hang: 'how long a handler that hangs goes unnoticed',
  split: 'splitting 1,000,000 lines, against split -l',
  merge: 'merging 1,000 parts, against a bare DuckDB COPY',
  aws: 'S3 and DynamoDB against the bare SDK and a directory (needs scripts/aws-servers install)',
  limits:
    'a rate limit kept by 40 processes, against a bucket asked for every call and a static split (10 minutes; needs Java)',
  'limits-slurm':
    'the same by the workers of a job on a real Slurm (15 minutes; needs Java and scripts/slurm-cluster install)',
  slurm: 'makespan on a real Slurm, against a bare job array (minutes; needs scripts/slurm-cluster install)',
  'slurm-cores': 'the same with no more virtual CPUs than this machine has (minutes)',
  'slurm-commands': 'commands that whole jobs issue on a real Slurm (minutes; needs scripts/slurm-cluster install)',
};
/** Benches that are another one with arguments. */
const CORES = availableParallelism();
const VARIANTS = {
  'slurm-cores': ['slurm', '--nodes', `${CORES}`, '--cpus', '1', '--tasks', `${40 * CORES}`, '--name', 'slurm-cores'],
};

const usage = () =>
  `usage: npm run bench [-- NAME … --write]\n${Object.entries(BENCHES)
    .map(([name, what]) => `  ${name.padEnd(18)}${what}`)
    .join('\n')}\nWithout a name all of them run. --write puts the tables into docs/benchmarks.md.\n`;

/** Compiles into a new directory below the project, where its packages are found; null when that fails. */
function build() {
  const cache = join(ROOT, 'node_modules/.cache/slurmctl-bench');
  mkdirSync(cache, { recursive: true });
  const directory = mkdtempSync(join(cache, 'build-'));
  const config = join(ROOT, 'scripts/config/tsconfig.build.json');
  const compiler = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config, '--outDir', join(directory, 'dist')];
  try {
    execFileSync(process.execPath, compiler, { stdio: ['ignore', 2, 2] });
    for (const name of ['bin', 'templates', 'package.json'])
      cpSync(join(ROOT, name), join(directory, name), { recursive: true });
    return directory;
  } catch {
    // The compiler has said why.
    rmSync(directory, { recursive: true });
    return null;
  }
}

/** One bench in a process of its own; its document, or null when it failed (its own words are on stderr). */
async function runBench(name, directory) {
  const [file, ...args] = VARIANTS[name] ?? [name];
  const script = join(ROOT, `test/bench/${file}.bench.mjs`);
  const env = { ...process.env, SLURMCTL_BENCH_DIST: `${pathToFileURL(join(directory, 'dist')).href}/` };
  const child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
  const code = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)));
  if (code !== 0) return null;
  return JSON.parse(text);
}

/** Three significant digits, without an exponent. */
const number = (value) => (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3))));
const withUnit = (value, unit) =>
  unit === '' ? number(value) : unit === '×' ? `${number(value)} ×` : `${number(value)} ${unit}`;

/** Rows of the table: what, figure, aim, met. */
const rowsOf = ({ figures }) =>
  figures.map(({ what, value, unit, atMost }) => [
    what,
    withUnit(value, unit),
    atMost === undefined ? '' : `≤ ${withUnit(atMost, unit)}`,
    atMost === undefined ? '' : value <= atMost ? 'yes' : 'NO',
  ]);

const HEAD = ['what', 'figure', 'aim', 'met?'];

function plainTable(rows) {
  const all = [HEAD, ...rows];
  const widths = HEAD.map((_head, column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function pageTable(document) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const machine = `Node ${process.versions.node}, ${CORES} cores, load ${loadavg()[0].toFixed(1)} at the end`;
  const date = new Date().toISOString().slice(0, 10);
  return [line(HEAD), '| --- | ---: | ---: | --- |', ...rowsOf(document).map(line), '', `${date}; ${machine}.`].join(
    '\n',
  );
}

/** Replaces what stands between the markers of each bench. */
function writePage(documents) {
  let page = readFileSync(PAGE, 'utf8');
  for (const document of documents) {
    const [start, end] = [`<!-- bench:${document.bench} -->\n`, `<!-- /bench:${document.bench} -->`];
    const [from, to] = [page.indexOf(start), page.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${PAGE} has no ${start.trim()} … ${end}`);
    page = `${page.slice(0, from + start.length)}${pageTable(document)}\n${page.slice(to)}`;
  }
  writeFileSync(PAGE, page);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { write: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return void process.stdout.write(usage());
  const unknown = positionals.filter((name) => !(name in BENCHES));
  if (unknown.length > 0) {
    process.stderr.write(`error: no bench ${unknown.join(', ')}\n${usage()}`);
    process.exitCode = 2;
    return;
  }
  const names = Object.keys(BENCHES).filter((name) => positionals.length === 0 || positionals.includes(name));
  const directory = build();
  if (directory === null) {
    process.stderr.write('error: the sources do not compile; nothing was measured\n');
    process.exitCode = 1;
    return;
  }
  const documents = [];
  try {
    for (const name of names) {
      process.stderr.write(`\n== ${name}: ${BENCHES[name]}\n`);
      const document = await runBench(name, directory);
      if (document !== null) documents.push(document);
      else {
        process.stderr.write(`error: the bench ${name} failed\n`);
        process.exitCode = 1;
      }
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  process.stdout.write(`\n${plainTable(documents.flatMap(rowsOf))}\n`);
  if (values.write) writePage(documents);
}

await main();
