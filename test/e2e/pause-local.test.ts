import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PauseDocument, ResumeDocument } from '../../src/app/decision-documents.ts';
import type { ListDocument, StatusDocument } from '../../src/app/documents.ts';
import type { ExplainDocument } from '../../src/app/explain-documents.ts';
import { createCli, writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { eventually, withQuietDir } from '../support/live-processes.ts';

const JOB = `
name: doubles
input: {file: numbers.jsonl, id: name}
batch: {items: 50}
handler: {module: ./handler.mjs, concurrency: 2}
resources: {cpus: 1, memory: 256M, time: 5m}
slurm: {elements: tasks}
retry: {backoff: 100ms..100ms}
output: {columns: {doubled: int}}
`;

/** Slow until a file is there; writes down each item that it has finished. */
const HANDLER = `
import { appendFileSync, existsSync } from 'node:fs';
export default async ({ n, name }, { item }) => {
  if (!existsSync('go')) await new Promise((resolve) => setTimeout(resolve, 1_000));
  appendFileSync('finished', name + '\\n');
  if (n === 7) throw new TypeError('seven is refused');
  return { doubled: 2 * n };
};
`;

describe('a job that people steer, with the local scheduler', () => {
  it('stops and goes on as they say, runs nothing twice for that, and can tell its story afterwards', () =>
    withQuietDir(async (directory) => {
      const lines = Array.from({ length: 200 }, (_, n) => `${JSON.stringify({ n, name: `sample-${n}` })}\n`).join('');
      writeFiles(directory, { 'job.yaml': JOB, 'handler.mjs': HANDLER, 'numbers.jsonl': lines });
      const cli = createCli(directory, { SLURMCTL_LOCAL_SLOTS: '2' }, await compiledProject());
      const status = () => cli.json<StatusDocument>(['status']);
      const submitted = await cli('submit', 'job.yaml', '--scheduler', 'local');
      expect(submitted.code, submitted.stderr).toBe(0);
      const job = submitted.stdout.trim();
      await eventually('two tasks run', async () => (await status()).tasks.running === 2);

      const paused = await cli('pause', '@last', '--reason', 'the file server moves');
      expect(paused.code, paused.stderr).toBe(0);
      expect(paused.stdout).toContain('paused: the file server moves');
      expect(paused.stdout).toContain(
        '2 elements are still running: each stops after its task; 2 waiting elements are held',
      );
      expect(paused.stderr).toContain(`next: slurmctl resume ${job}`);
      expect((await cli('status')).stdout).toContain('2 tasks: each element stops after the one it is at');
      const now = await cli.json<PauseDocument>(['pause', job, '--now']);
      expect(now).toMatchObject({ changed: false, runningElements: 2, draining: true });
      await eventually('both have stopped', async () => (await status()).tasks.running === 0);
      const stopped = await status();
      expect(stopped).toMatchObject({ job: { state: 'PAUSED' }, tasks: { done: 0, wait: 2, submitted: 2 } });
      const [listed] = (await cli.json<ListDocument>(['list'])).jobs;
      expect(listed).toMatchObject({ state: 'PAUSED' });
      expect(listed?.reason).toContain('the file server moves');

      writeFileSync(join(directory, 'go'), '');
      expect(await cli.json<ResumeDocument>(['resume', '@last'])).toMatchObject({ changed: true, drivenBy: null });
      await eventually('the job ends', async () => (await status()).job.finishedAt !== null);
      expect(await status()).toMatchObject({
        job: { state: 'FAILED' },
        items: { succeeded: 199, failed: 1 },
        tasks: { done: 4 },
      });
      const finished = readFileSync(join(directory, 'finished'), 'utf8').trim().split('\n');
      const tries = finished.filter((name) => name !== 'sample-7');
      expect(new Set(tries).size).toBe(199);
      expect(tries).toHaveLength(199);

      const story = await cli.json<ExplainDocument>(['explain']);
      expect(story.job?.events.map(({ kind }) => kind)).toEqual(['pause', 'resume']);
      expect(story.job?.cost.attempts).toBe(6);
      const task = await cli.json<ExplainDocument>(['explain', `${job}/0`]);
      expect(task.task?.attempts).toMatchObject([
        { number: 1, end: 'failed', cause: 'paused', decision: 'retry', charged: false },
        { number: 2, end: 'committed' },
      ]);
      const told = await cli('explain', '@last', '--item', 'sample-7');
      expect(told.stdout).toContain('item sample-7 (#7 of the input) failed');
      expect(told.stdout).toContain('TypeError: seven is refused');
      expect(told.stderr).toContain(`echo sample-7 | slurmctl retry ${job} --items -`);
      const unknown = await cli('explain', '@last', '--item', 'sample-1999');
      expect(unknown.code).toBe(4);
      expect(unknown.stderr).toContain('Did you mean "sample-199"?');
      expect((await cli('resume', '@last')).code).toBe(2);
    }));
});
