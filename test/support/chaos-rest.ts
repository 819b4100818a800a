/** What must be true when a chaos run has come to rest: the output, and nothing left over. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { JobId } from '../../src/domain/ids.ts';
import type { SubmissionItem } from '../../src/domain/job-item.ts';
import { jobIndexKey, jobPartition, lockKey, SUBMISSION_PREFIX } from '../../src/domain/state-keys.ts';
import type { ChaosPlan } from './chaos-plan.ts';
import { processesOf } from './chaos-processes.ts';
import { VALUE_SQL } from './chaos-project.ts';
import type { ChaosSite } from './chaos-site.ts';
import type { Cli } from './cli.ts';

const PATIENCE_MS = 30_000;

/** Every item of the input exactly once, succeeded, with its value; those that kill their workers put aside. What is wrong, in words. */
export async function judgeOutput(cli: Cli, job: JobId, { items, poison }: ChaosPlan): Promise<string[]> {
  const isPoison = `item_index in (${[-1, ...poison].join(', ')})`;
  const fine = `not ${isPoison} and status = 'succeeded' and value = ${VALUE_SQL}`;
  const putAside = `${isPoison} and status = 'failed' and error_class = 'quarantined'`;
  const good = `item_id = 'item-' || item_index and ((${fine}) or (${putAside}))`;
  const ask = async (sql: string): Promise<readonly (readonly unknown[])[]> =>
    (await cli.json<{ rows: readonly (readonly unknown[])[] }>(['results', job, '--query', sql])).rows;
  const sums = `count(*), count(distinct item_index), count(*) filter (where ${good}), coalesce(min(item_index), 0), coalesce(max(item_index), 0)`;
  const [row = []] = await ask(`select ${sums} from results`);
  const seen = row.map(Number);
  if (seen.join() === [items, items, items, 0, items - 1].join()) return [];
  const bad = await ask(`select item_index, status, error_class, value from results where not (${good}) limit 10`);
  return [
    `the output has ${seen[0]} rows of ${seen[1]} items, ${seen[2]} of them right, from ${seen[3]} to ${seen[4]}; expected ${items}; wrong: ${JSON.stringify(bad)}`,
  ];
}

/** No job in Slurm, no process, no open outbox row, no held lock, no hint. */
export async function judgeRest(site: ChaosSite): Promise<string[]> {
  const found: string[] = [];
  const queue = await settled(async () => (await site.cluster.slurm('squeue', '-h', '-o', '%i %j %T')).trim());
  if (queue !== '') found.push(`Slurm still has: ${queue}`);
  const processes = await settled(async () =>
    processesOf(site.run)
      .map(({ pid, argv }) => `${pid} ${argv.join(' ')}`)
      .join('\n'),
  );
  if (processes !== '') found.push(`still there: ${processes}`);
  for await (const { sort, item } of site.state.query(jobPartition(site.job), SUBMISSION_PREFIX)) {
    const row = item as unknown as SubmissionItem;
    if (row.sentMs !== undefined && (row.state === 'INTENT' || row.state === 'SUBMITTED'))
      found.push(`outbox row ${sort} is still ${row.state}`);
  }
  if ((await site.state.get(jobIndexKey(site.job)))?.['live'] !== false) found.push('the job is still listed as live');
  if ((await site.state.get(lockKey(`advance:${site.job}`)))?.['held'] !== false) found.push('the lease is still held');
  const hints = filesBelow(join(site.project.directory, '.slurmctl/queue')).filter((name) => name.includes(site.job));
  if (hints.length > 0) found.push(`${hints.length} retry hints are left: ${hints[0]}`);
  return found;
}

async function settled(look: () => Promise<string>): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const seen = await look();
    if (seen === '' || performance.now() > deadline) return seen;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

const filesBelow = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory, { recursive: true }).map(String) : [];
