/** The job of a chaos run: files of its project, and the log in which its handler notes what it runs. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODES, type ChaosPlan } from './chaos-plan.ts';
import { writeFiles } from './cli.ts';

/** Output of an item. The same arithmetic is in the handler and in the query that checks the output. */
export const VALUE_SQL = '(item_index * 7919 + 13) % 1000003';

/** Notes the beginning and the end of each item in a file of its attempt; some items fail the first time they are tried, some kill their process. */
const HANDLER = `
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
const env = process.env;
const attempt = \`\${env.SLURM_ARRAY_JOB_ID}_\${env.SLURM_ARRAY_TASK_ID}.\${env.SLURM_RESTART_COUNT ?? 0}\`;
const log = join(env.CHAOS_RUNS, attempt);
const poison = JSON.parse(env.CHAOS_POISON);
export default async function handler({ n }) {
  appendFileSync(log, 's ' + n + '\\n');
  const flag = join(env.CHAOS_FLAKY, String(n));
  if (n % 101 === 50 && !existsSync(flag)) {
    writeFileSync(flag, '');
    appendFileSync(log, 'f ' + n + '\\n');
    throw new Error('flaky once');
  }
  if (poison.includes(n)) process.kill(process.pid, 'SIGKILL');
  await new Promise((done) => setTimeout(done, Number(env.CHAOS_ITEM_MS) * (0.5 + (n % 11) / 10)));
  appendFileSync(log, 'e ' + n + '\\n');
  return { value: (n * 7919 + 13) % 1000003 };
}
`;

const jobFile = ({ items, tasks, concurrency, poison }: ChaosPlan): string => `
name: chaos
input: {file: items.jsonl, id: id}
batch: {items: ${Math.ceil(items / tasks)}}
handler: {module: ./handler.mjs, concurrency: ${concurrency}, timeout: 60s}
resources: {cpus: 1, memory: 200M, time: 20m}
slurm: {elements: ${elementsOf()}, partition: "${NODES.map(({ partition }) => partition).join(',')}"}
retry: {attempts: 20, items: 3, backoff: 500ms..2s, tolerate: {items: ${poison.length}}}
checkpoint: {every: 2s}
output: {columns: {value: int}}
`;

const elementsOf = (): number => NODES.length * 3;

export interface ChaosProject {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** The item that an attempt began last; null when it has begun none. */
  lastItemOf(attempt: string): number | null;
  runs(): RunCounts;
}

export interface RunCounts {
  /** Times that any item was begun, and brought to its end. */
  readonly begun: number;
  readonly ended: number;
  /** Tries that failed on purpose. */
  readonly flaky: number;
  /** Different items that came to an end. */
  readonly items: number;
}

export function makeChaosProject(directory: string, plan: ChaosPlan): ChaosProject {
  const runs = join(directory, 'runs');
  const flaky = join(directory, 'flaky');
  const scratch = join(directory, 'scratch');
  for (const path of [runs, flaky, scratch]) mkdirSync(path, { recursive: true });
  writeFiles(directory, {
    'job.yaml': jobFile(plan),
    'handler.mjs': HANDLER,
    'items.jsonl': Array.from({ length: plan.items }, (_, n) => `${JSON.stringify({ id: `item-${n}`, n })}\n`).join(''),
  });
  const linesOf = (attempt: string): string[] => {
    const file = join(runs, attempt);
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  };
  return {
    directory,
    env: {
      CHAOS_RUNS: runs,
      CHAOS_FLAKY: flaky,
      CHAOS_ITEM_MS: String(plan.itemMs),
      CHAOS_POISON: JSON.stringify(plan.poison),
      SLURMCTL_SCRATCH: scratch,
    },
    lastItemOf(attempt) {
      const begun = linesOf(attempt).findLast((line) => line.startsWith('s '));
      return begun === undefined ? null : Number(begun.slice(2));
    },
    runs() {
      const lines = readdirSync(runs).flatMap(linesOf);
      const of = (mark: string): string[] => lines.filter((line) => line.startsWith(`${mark} `));
      return { begun: of('s').length, ended: of('e').length, flaky: of('f').length, items: new Set(of('e')).size };
    },
  };
}
