import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PlanDocument, ResultsDocument, StatusDocument, SubmitDocument } from '../../src/app/documents.ts';
import type { JobId } from '../../src/domain/ids.ts';
import { createCli as openCli, DOUBLING_HANDLER, numberLines, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { withQuietDir } from '../support/live-processes.ts';
import { openPlace, type Place, type Where } from '../support/places.ts';

const JOB = `
name: doubles
input: {file: numbers.jsonl, id: n}
batch: {items: 25}
handler: {module: ./handler.mjs, concurrency: 4}
resources: {cpus: 1, memory: 256M, time: 5m}
output: {columns: {doubled: int}}
`;

interface Query {
  readonly rows: readonly (readonly unknown[])[];
}

interface Site {
  readonly directory: string;
  readonly createCli: (env?: NodeJS.ProcessEnv) => Cli;
  readonly place: Place;
}

const withJob = (where: Where, use: (site: Site) => Promise<void>): Promise<void> =>
  withQuietDir(async (directory) => {
    const place = await openPlace({ ...where, directory });
    const compiled = await compiledProject();
    writeFiles(directory, {
      'job.yaml': JOB,
      'handler.mjs': DOUBLING_HANDLER,
      'numbers.jsonl': numberLines(240),
      ...(place.settings === '' ? {} : { 'slurmctl.yaml': place.settings }),
    });
    const createCli = (env: NodeJS.ProcessEnv = {}): Cli => openCli(directory, { ...place.env, ...env }, compiled);
    try {
      await use({ directory, createCli, place });
    } finally {
      await place.close();
    }
  });

/** The whole way of a job; `alone`: also of one that nobody waits for. */
export function describeWholeJob(where: Where, { alone = true } = {}): void {
  describe(`the main job with the local scheduler and state in ${where.kind}`, () => {
    it('goes from submit to a query, with one row for every item', () =>
      withJob(where, async ({ directory, createCli, place }) => {
        const cli = createCli({ CALLS: join(directory, 'calls') });
        const plan = await cli.json<PlanDocument>(['plan', 'job.yaml', '--scheduler', 'local']);
        expect(plan).toMatchObject({ items: 240, tasks: 10, scheduler: 'local' });
        expect((await cli.json<{ jobs: unknown[] }>(['list'])).jobs).toEqual([]);

        const submitted = await cli('submit', 'job.yaml', '--scheduler', 'local', '--wait');
        expect(submitted.code, submitted.stderr).toBe(0);
        const job = submitted.stdout.trim();
        expect(job).toMatch(/^doubles-[0-9a-z]{8}$/);
        expect(submitted.stderr).toContain(`next: slurmctl --scheduler local results ${job}`);

        const status = await cli.json<StatusDocument>(['status', job]);
        expect(status.job.state).toBe('COMPLETED');
        expect(status.items).toEqual({ total: 240, succeeded: 240, failed: 0, pending: 0 });
        expect(status.tasks).toMatchObject({ total: 10, done: 10, pending: 0, running: 0, dead: 0 });

        const { rows } = await cli.json<Query>([
          'results',
          '@last',
          '--query',
          'select count(*), count(distinct item_id), sum(doubled), min(item_index), max(item_index) from results',
        ]);
        expect(rows[0]?.map(Number)).toEqual([240, 240, 240 * 239, 0, 239]);
        const calls = readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');
        expect(calls).toHaveLength(240);

        const results = await cli.json<ResultsDocument>(['results', 'doubles']);
        expect(results).toMatchObject({ rows: 240, succeeded: 240, failed: 0 });
        expect((await cli('results', job, '--path')).stdout.trim()).toBe(results.path);
        const jsonl = (await cli('results', job, '--export', 'jsonl')).stdout.trim().split('\n');
        expect(JSON.parse(jsonl[7] ?? '')).toMatchObject({ item_id: '7', item_index: 7, doubled: 14 });
        const csv = (await cli('results', job, '--export', 'csv')).stdout.trim().split('\n');
        expect(csv).toHaveLength(241);
        expect(csv[0]).toBe('item_id,item_index,status,attempts,duration_ms,error_class,error_message,doubled');
        await place.expectSound(job as JobId);
      }));

    if (!alone) return;
    it('drives itself to the end when nobody waits', () =>
      withJob(where, async ({ createCli, place }) => {
        const cli = createCli();
        const { jobId } = await cli.json<SubmitDocument>(['submit', 'job.yaml', '--scheduler', 'local']);
        const watched = await cli('status', jobId, '--watch');
        expect(watched.code, watched.stderr).toBe(0);
        expect((await cli.json<StatusDocument>(['status', jobId])).job.state).toBe('COMPLETED');
        await place.expectSound(jobId as JobId);
      }));
  });
}

/** Other ends that a job may come to. */
export function describeOtherEnds(where: Where): void {
  describe(`other ends of a job, with the local scheduler and state in ${where.kind}`, () => {
    it('ends with exit code 3 and every failed item in the output when more fail than is tolerated', () =>
      withJob(where, async ({ directory, createCli, place }) => {
        writeFileSync(
          join(directory, 'handler.mjs'),
          'export default ({ n }) => { if (n % 10 === 3) throw new RangeError("three: " + n); return { doubled: n }; };',
        );
        const cli = createCli();
        const ended = await cli('submit', 'job.yaml', '--scheduler', 'local', '--wait');
        expect(ended.code, ended.stderr).toBe(3);
        const { rows } = await cli.json<Query>([
          'results',
          '@last',
          '--query',
          'select status, count(*), min(error_class), min(error_message) from results group by 1 order by 1',
        ]);
        expect(rows.map((row) => [row[0], Number(row[1]), row[2]])).toEqual([
          ['failed', 24, 'RangeError'],
          ['succeeded', 216, null],
        ]);
        const errors = await cli.json<Query>(['results', '@last', '--query', 'select distinct cause from errors']);
        expect(errors.rows).toEqual([['handler-error']]);

        const tolerant = createCli();
        const within = await tolerant(
          'submit',
          'job.yaml',
          '--scheduler',
          'local',
          '--wait',
          '--set',
          'retry.tolerate.items=10%',
        );
        expect(within.code, within.stderr).toBe(0);
        expect((await tolerant.json<StatusDocument>(['status', '@last'])).job.state).toBe('COMPLETED_WITH_FAILURES');
        await place.expectSound((await tolerant.json<StatusDocument>(['status', '@last'])).job.id as JobId);
      }));

    it('can be cancelled in the middle, and the rest published by hand', () =>
      withJob(where, async ({ createCli, place }) => {
        const cli = createCli({ ITEM_MS: '2000' });
        const { jobId } = await cli.json<SubmitDocument>(['submit', 'job.yaml', '--scheduler', 'local']);
        const cancelled = await cli('cancel', jobId, '--reason', 'wrong input');
        expect(cancelled.code, cancelled.stderr).toBe(0);
        const status = await cli.json<StatusDocument>(['status', jobId]);
        expect(status.job).toMatchObject({ state: 'CANCELLED', reason: 'wrong input' });
        expect(status.tasks.pending + status.tasks.running + status.tasks.wait + status.tasks.submitted).toBe(0);
        const published = await cli('aggregate', jobId);
        expect(published.code, published.stderr).toBe(0);
        const { rows } = await cli.json<Query>(['results', jobId, '--query', 'select count(*) from results']);
        expect(Number(rows[0]?.[0])).toBe(240);
        await place.expectSound(jobId as JobId);
      }));
  });
}
