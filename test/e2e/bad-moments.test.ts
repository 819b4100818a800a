import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ListDocument, StatusDocument, SubmitDocument } from '../../src/app/documents.ts';
import { writeFiles } from '../support/cli.ts';
import { compiledProject } from '../support/compiled.ts';
import { expectRefusal, withRoom } from '../support/refusal.ts';
import { until } from '../support/slurm-job.ts';

beforeAll(() => compiledProject());

const SLOW =
  'export default async ({ n }) => { await new Promise((done) => setTimeout(done, 4_000)); return { doubled: n * 2 }; };\n';

describe('two at once', () => {
  it('two submits of one job file are two jobs, and both end; their common prefix is refused', () =>
    withRoom({}, async ({ cli }) => {
      const both = await Promise.all([cli('submit', 'job.yaml', '--wait'), cli('submit', 'job.yaml', '--wait')]);
      expect(
        both.map(({ code }) => code),
        both.map(({ stderr }) => stderr).join('\n'),
      ).toEqual([0, 0]);
      const ids = both.map(({ stdout }) => stdout.trim());
      expect(new Set(ids).size).toBe(2);
      const { jobs } = await cli.json<ListDocument>(['list']);
      expect(jobs.map(({ id, state }) => `${id} ${state}`).toSorted()).toEqual(
        ids.map((id) => `${id} COMPLETED`).toSorted(),
      );
      expectRefusal(await cli('status', 'doubles-'), {
        exit: 4,
        code: 'JOB_AMBIGUOUS',
        says: ['2 jobs start with "doubles-": ', ids[0] ?? '', 'hint: Type more of the id'],
      });
      for (const id of ids) {
        const { rows } = await cli.json<{ rows: unknown[] }>([
          'results',
          id,
          '--query',
          'select doubled from results order by 1',
        ]);
        expect(rows).toEqual([[2], [4]]);
      }
    }));

  it('several advances, and a cancel among them: nothing breaks, one of them has its way', () =>
    withRoom({ 'handler.mjs': SLOW }, async ({ cli }) => {
      const { jobId } = await cli.json<SubmitDocument>(['submit', 'job.yaml']);
      const all = await Promise.all([
        cli('advance', jobId),
        cli('advance', jobId),
        cli('cancel', jobId, '--reason', 'changed my mind'),
        cli('advance', jobId),
      ]);
      for (const { code, stderr } of all) expect([0, 6], stderr).toContain(code);
      const { job, tasks } = await cli.json<StatusDocument>(['status', jobId]);
      expect(job).toMatchObject({ state: 'CANCELLED', reason: 'changed my mind' });
      expect(tasks.pending + tasks.submitted + tasks.running + tasks.wait).toBe(0);
    }));

  it('a job that has ended cannot be cancelled', () =>
    withRoom({}, async ({ cli }) => {
      const job = (await cli('submit', 'job.yaml', '--wait')).stdout.trim();
      expectRefusal(await cli('cancel', job), {
        exit: 2,
        code: 'JOB_BAD_STATE',
        says: [`job ${job} has ended already (COMPLETED)`],
      });
    }));
});

describe('somebody who goes away', () => {
  it('Ctrl-C during --wait: 130, the job goes on and ends by itself', () =>
    withRoom({ 'handler.mjs': SLOW }, async ({ cli }) => {
      const waiting = cli.start(['submit', 'job.yaml', '--wait']);
      const ended = new Promise<number | null>((resolve) => waiting.once('exit', resolve));
      await until(async () => {
        const [job] = (await cli.json<ListDocument>(['list'])).jobs;
        return job?.state === 'RUNNING' || null;
      }, 30_000);
      waiting.kill('SIGINT');
      expect(await ended).toBe(130);
      expect((await cli('status', '@last', '--watch')).code).toBe(0);
      expect((await cli.json<StatusDocument>(['status', '@last'])).job.state).toBe('COMPLETED');
    }));

  it('a reader that has enough: no complaint, exit 0', () =>
    withRoom({}, async ({ directory, cli }) => {
      const many = Array.from({ length: 20_000 }, (_, n) => `{"n":${n}}\n`).join('');
      writeFiles(directory, { 'in.jsonl': many });
      const done = await cli('submit', 'job.yaml', '--wait', '--set', 'batch.items=10000');
      expect(done.code, done.stderr).toBe(0);
      const bin = join(await compiledProject(), 'bin/slurmctl.js');
      const command = `set -o pipefail; "${process.execPath}" "${bin}" results @last --export csv | head -1`;
      const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command], { cwd: directory });
      expect(stdout).toBe('item_id,item_index,status,attempts,duration_ms,error_class,error_message,doubled\n');
      expect(stderr).not.toMatch(/error|EPIPE/);
    }));

  it('an output device that is full: said, with exit 5', () =>
    withRoom({}, async ({ directory, cli }) => {
      expect((await cli('submit', 'job.yaml', '--wait')).code).toBe(0);
      const bin = join(await compiledProject(), 'bin/slurmctl.js');
      const command = `"${process.execPath}" "${bin}" results @last --export csv > /dev/full`;
      const failed = await promisify(execFile)('bash', ['-c', command], { cwd: directory }).catch(
        (error: unknown) => error,
      );
      expect(failed).toMatchObject({
        code: 5,
        stderr: expect.stringMatching(/^error: stdout cannot be written.*\[STDOUT_FAILED\]/) as string,
      });
    }));
});
