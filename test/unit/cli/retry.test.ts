import { describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import type { RetryDocument } from '../../../src/app/documents.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { finalStatus, JOB } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const redone: RetryDocument = {
  schema: 'slurmctl.retry/1',
  jobId: JOB,
  dryRun: false,
  state: 'RUNNING',
  generation: 2,
  items: 1_204,
  tasks: 31,
  succeeded: 2,
  causes: [
    { cause: 'oom', items: 1_200, tasks: 30 },
    { cause: 'handler-error', items: 2, tasks: 1 },
  ],
  errors: [
    { fingerprint: '1f00d0c0ffee', cause: 'oom', items: 1_200, example: 'used 3 GiB\u001b[31m' },
    { fingerprint: '1abcdef01234', cause: 'handler-error', items: 2, example: 'no such licence' },
  ],
  unfinished: 1,
  memoryBytes: 8 * 1024 ** 3,
  timeMs: null,
  elements: 4,
  submissions: [{ handle: '4712', elements: 4 }],
  waitingFor: null,
  output: '/data/out/results.parquet',
};

const run = (argv: readonly string[], retry: App['retry'], more: Partial<App> = {}) =>
  runInProcess(['retry', ...argv], { app: { retry, ...more } });

describe('retry', () => {
  it('says what runs again and how', async () => {
    const { code, stdout, stderr } = await run([JOB], async () => redone);
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "licences-7k3f9q2m 1,204 items of 31 tasks run again, generation 2
      causes      oom: 1,200 items of 30 tasks
                  handler-error: 2 items of 1 task
                  2 items that had succeeded
      errors      1f00d0c0ffee  1,200 items  used 3 GiB\\x1b[31m
                  1abcdef01234  2 items  no such licence
      elements    4 array elements as 4712, each with 8.0 GiB
      left alone  1 task has not ended yet, and only ended tasks can run again
      output      stays until these are published: /data/out/results.parquet
      "
    `);
    expect(stderr).toBe(`next: slurmctl status ${JOB} --watch\n`);
  });

  it('passes on what was asked for, and a dry run names the command that does it', async () => {
    const retry = vi.fn<App['retry']>(async () => ({ ...redone, dryRun: true, submissions: [] }));
    const argv = [
      '@last',
      '--cause',
      'oom,timeout',
      '--task',
      '3,12-40',
      '--memory',
      '8G',
      '--time',
      '2h',
      '--dry-run',
    ];
    const { stdout, stderr } = await run(argv, retry);
    expect(retry.mock.calls[0]?.[0]).toMatchObject({
      job: '@last',
      dryRun: true,
      cause: 'oom,timeout',
      task: '3,12-40',
      memoryBytes: 8 * 1024 ** 3,
      timeMs: 7_200_000,
    });
    expect(retry.mock.calls[0]?.[0]).not.toHaveProperty('items');
    expect(stdout).toContain('4 array elements would be submitted, each with 8.0 GiB');
    expect(stderr).toBe(`next: slurmctl retry ${JOB} --cause oom,timeout --task 3,12-40 --memory 8G --time 2h\n`);
  });

  it('says so when there is nothing to run again', async () => {
    const nothing = {
      ...redone,
      state: 'COMPLETED',
      items: 0,
      tasks: 0,
      causes: [],
      errors: [],
      unfinished: 0,
    } as const;
    const { code, stdout, stderr } = await run([JOB, '--wait'], async () => nothing);
    expect([code, stdout, stderr]).toEqual([
      0,
      `${JOB} has nothing to run again: no ended task has such items\n`,
      `next: slurmctl status ${JOB}\n`,
    ]);
    const live = await run([JOB], async () => ({ ...nothing, state: 'RUNNING', unfinished: 3 }));
    expect(live.stdout).toContain('3 tasks have not ended yet, and only ended tasks can run again');
  });

  it('--wait follows the job and ends as it does', async () => {
    const follow = vi.fn<App['follow']>(async () => finalStatus('FAILED'));
    const { code, stdout, stderr } = await run([JOB, '--wait'], async () => redone, { follow });
    expect(code).toBe(3);
    expect(stdout).toBe('');
    expect(stderr).toContain('1,204 items of 31 tasks run again, generation 2');
    const json = await run([JOB, '--wait', '--json'], async () => redone, { follow });
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: 'slurmctl.retry/1', final: { job: { state: 'FAILED' } } });
  });

  it('reads item ids from stdin when told to', async () => {
    let read = '';
    const retry: App['retry'] = async ({ items, stdin }) => {
      for await (const chunk of stdin()) read += String(chunk);
      return { ...redone, causes: items === '-' ? redone.causes : [] };
    };
    await runInProcess(['retry', JOB, '--items', '-'], { app: { retry }, stdin: 'a\nb\n' });
    expect(read).toBe('a\nb\n');
  });

  it('names a job that is open again but not submitted', async () => {
    const { code, stderr } = await run([JOB], async ({ onReopened }) => {
      onReopened?.(JOB);
      throw new AppError('BATCH_UNREACHABLE', { message: 'no controller answers' });
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain(`job ${JOB} is open again but not fully submitted: no controller answers`);
    expect(stderr).toContain(`slurmctl advance ${JOB}`);
  });

  it('refuses sizes and times that mean nothing', async () => {
    for (const argv of [
      ['--memory', '8'],
      ['--memory', '0G'],
      ['--memory', '1K'],
      ['--memory', '999T'],
      ['--time', '0s'],
      ['--time', '5ms'],
      ['--time', 'soon'],
    ])
      expect((await runInProcess(['retry', JOB, ...argv])).code, argv.join(' ')).toBe(2);
  });
});
