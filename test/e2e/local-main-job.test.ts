import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PlanDocument, ResultsDocument, StatusDocument, SubmitDocument } from '../../src/app/documents.ts';
import { createCli as openCli, DOUBLING_HANDLER, numberLines, writeFiles, type Cli } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { withQuietDir } from '../support/live-processes.ts';

const JOB = `
name: doubles
input: {file: numbers.jsonl, id: n}
batch: {items: 25}
handler: {module: ./handler.mjs, concurrency: 4}
resources: {cpus: 1, memory: 256M, time: 5m}
output: {columns: {doubled: int}}
`;

const project = (directory: string, job = JOB, items = 240): string =>
  writeFiles(directory, { 'job.yaml': job, 'handler.mjs': DOUBLING_HANDLER, 'numbers.jsonl': numberLines(items) });

let compiled = '';
beforeAll(async () => {
  compiled = await compiledProject();
}, 120_000);
const createCli = (cwd: string, env: NodeJS.ProcessEnv = {}): Cli => openCli(cwd, env, compiled);

interface Query {
  readonly rows: readonly (readonly unknown[])[];
}

describe('the main job on one directory with the local scheduler', () => {
  it('goes from submit to a query, with one row for every item', () =>
    withQuietDir(async (directory) => {
      const cli = createCli(project(directory), { CALLS: join(directory, 'calls') });
      const plan = await cli.json<PlanDocument>(['plan', 'job.yaml', '--scheduler', 'local']);
      expect(plan).toMatchObject({ items: 240, tasks: 10, scheduler: 'local' });
      expect((await cli.json<{ jobs: unknown[] }>(['list'])).jobs).toEqual([]);

      const submitted = await cli('submit', 'job.yaml', '--scheduler', 'local', '--wait');
      expect(submitted.code, submitted.stderr).toBe(0);
      const job = submitted.stdout.trim();
      expect(job).toMatch(/^doubles-[0-9a-z]{8}$/);
      expect(submitted.stderr).toContain('slurmctl results');

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
    }));

  it('drives itself to the end when nobody waits', () =>
    withQuietDir(async (directory) => {
      const cli = createCli(project(directory));
      const { jobId } = await cli.json<SubmitDocument>(['submit', 'job.yaml', '--scheduler', 'local']);
      const watched = await cli('status', jobId, '--watch');
      expect(watched.code, watched.stderr).toBe(0);
      expect((await cli.json<StatusDocument>(['status', jobId])).job.state).toBe('COMPLETED');
    }));

  it('ends with exit code 3 and every failed item in the output when more fail than is tolerated', () =>
    withQuietDir(async (directory) => {
      project(directory);
      writeFileSync(
        join(directory, 'handler.mjs'),
        'export default ({ n }) => { if (n % 10 === 3) throw new RangeError("three: " + n); return { doubled: n }; };',
      );
      const cli = createCli(directory);
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

      const tolerant = createCli(directory);
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
    }));

  it('can be cancelled in the middle, and the rest published by hand', () =>
    withQuietDir(async (directory) => {
      const cli = createCli(project(directory), { ITEM_MS: '200' });
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
    }));

  it.each(['javascript', 'command', 'sweep', 'licences'])('runs the %s example that init writes', (example) =>
    withQuietDir(async (directory) => {
      const cli = createCli(directory);
      const init = await cli('init', 'demo', '--example', example);
      expect(init.code, init.stderr).toBe(0);
      if (example === 'licences')
        writeFiles(join(directory, 'demo/node_modules/left'), {
          'package.json': '{"name":"left","version":"1.2.3","license":"MIT"}',
          LICENSE: 'Permission is hereby granted, free of charge, to any person obtaining a copy of this software',
        });
      const ended = await cli('submit', 'demo/job.yaml', '--scheduler', 'local', '--wait');
      expect(ended.code, ended.stderr).toBe(0);
      const home = ['--home', join(directory, 'demo/.slurmctl')];
      const { rows } = await cli.json<Query>([
        'results',
        '@last',
        ...home,
        '--query',
        "select count(*) filter (where status = 'succeeded'), count(*) from results",
      ]);
      expect(Number(rows[0]?.[0])).toBeGreaterThan(0);
      expect(rows[0]?.[0]).toEqual(rows[0]?.[1]);
    }),
  );
});
