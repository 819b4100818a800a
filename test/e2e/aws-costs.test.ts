import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { BILLED, COST_MODEL, costTable, expectedBill, type Bill, type JobSize } from '../support/aws-cost-model.ts';
import { freshBucket, freshQueue, freshTable } from '../support/aws-resources.ts';
import { createCli, DOUBLING_HANDLER, numberLines, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { billOf, refusedWrites, requestsOfCommand, requestsOfElements } from '../support/job-requests.ts';
import { eventually, withQuietDir } from '../support/live-processes.ts';
import { SERVICES_ENV } from '../support/services-room.ts';

const PAGE = fileURLToPath(new URL('../../docs/operations/aws.md', import.meta.url));
const ITEMS_A_TASK = 100;
/** What the project promises for a whole job. */
const MOST_WRITES_A_TASK = 6;
const MOST_WRITES_AN_ITEM = 0.05;
/** A slow machine waits for leases and renews them, every 10 s; what a job asks for beyond the model because of it. */
const RENEWALS = 10;

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);

const JOB = `name: cost
input: {file: in.jsonl}
batch: {items: ${ITEMS_A_TASK}}
handler: {module: ./handler.mjs}
resources: {cpus: 1, memory: 200M, time: 10m}
`;

interface Seen extends JobSize {
  readonly bill: Bill;
  readonly refused: number;
}

/** Runs one job from its submit to its output, driven by its own finaliser, and counts what all of its processes asked for. */
const measure = (tasks: number): Promise<Seen> =>
  withQuietDir(async (directory) => {
    const [store, state, queue] = (await Promise.all([freshBucket(), freshTable(), freshQueue()])).map(
      ({ url }) => url,
    );
    const settings = `store: "${store}"\nstate: "${state}"\nqueue: "${queue}"\nscheduler: local\n`;
    const input = numberLines(tasks * ITEMS_A_TASK);
    const files = { 'slurmctl.yaml': settings, 'job.yaml': JOB, 'handler.mjs': DOUBLING_HANDLER, 'in.jsonl': input };
    const env = { ...SERVICES_ENV, SLURMCTL_LOCAL_SLOTS: '2' };
    const counting = createCli(writeFiles(directory, files), { ...env, SLURMCTL_TIMING: 'json' }, compiled);
    const submitted = await counting('submit', 'job.yaml');
    expect(submitted.code, submitted.stderr).toBe(0);
    const job = submitted.stdout.trim();
    const home = join(directory, '.slurmctl');
    await completed(createCli(directory, env, compiled), job);
    const { elements, requests } = await eventually(
      'the finaliser has told what it asked for',
      () => told(home, job),
      30_000,
    );
    const all = [...requestsOfCommand(submitted.stderr), ...requests];
    return { tasks, elements, bill: billOf(all), refused: refusedWrites(all) };
  });

const completed = (cli: Cli, job: string): Promise<unknown> =>
  eventually(
    'the job completes',
    async () => (await cli.json<{ job: { state: string } }>(['status', job])).job.state === 'COMPLETED',
    120_000,
  );

function told(home: string, job: string): ReturnType<typeof requestsOfElements> | null {
  try {
    return requestsOfElements(home, job);
  } catch {
    return null;
  }
}

describe('what a job costs', () => {
  it('is what the page says', () => {
    const page = readFileSync(PAGE, 'utf8');
    expect(page.split('<!-- costs -->\n')[1]?.split('\n<!-- /costs -->')[0]).toBe(costTable());
  });

  it('is what real jobs ask for', async () => {
    const [small, large] = [await measure(10), await measure(110)];
    for (const seen of [small, large]) {
      const expected = expectedBill(seen);
      // Whoever lost a race for a task has read and tried to write once more.
      const most = { ...expected, writes: expected.writes + RENEWALS, reads: expected.reads + seen.refused + RENEWALS };
      for (const billed of BILLED)
        expect(seen.bill[billed], `${billed} of ${JSON.stringify(seen)}`).toBeLessThanOrEqual(most[billed]);
    }
    // Nothing in the model is there for nothing: what 100 more tasks ask for is what it says.
    const more = (billed: keyof Bill): number => large.bill[billed] - small.bill[billed];
    for (const billed of ['puts', 'gets', 'lists', 'messages'] as const)
      expect(more(billed), billed).toBe(100 * COST_MODEL[billed].task);
    expect(Math.abs(more('writes') - 100 * COST_MODEL.writes.task)).toBeLessThanOrEqual(RENEWALS);
    expect(more('reads')).toBeGreaterThan(100);
    const writes = large.bill.writes + large.refused;
    expect(writes / large.tasks).toBeLessThanOrEqual(MOST_WRITES_A_TASK);
    expect(writes / (large.tasks * ITEMS_A_TASK)).toBeLessThanOrEqual(MOST_WRITES_AN_ITEM);
  });
});
