import { describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import type { StopHooks } from '../../../src/cli/io.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { finalStatus, JOB, runningStatus, submitted } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const submitting: Partial<App> = {
  submit: async ({ onJob }) => {
    onJob?.(JOB);
    return submitted;
  },
};
const ending = (state: Parameters<typeof finalStatus>[0]): Partial<App> => ({
  ...submitting,
  follow: async ({ onStatus }) => {
    onStatus?.(runningStatus);
    return finalStatus(state);
  },
});

describe('submit', () => {
  it('prints the job id alone on stdout and names the next command on stderr', async () => {
    const { code, stdout, stderr, closed } = await runInProcess(['submit', 'job.yaml'], { app: submitting });
    expect({ code, stdout, closed }).toEqual({ code: 0, stdout: `${JOB}\n`, closed: 1 });
    expect(stderr).toContain('submitted licences: 1,000 items in 10 tasks, 4 array elements on local');
    expect(stderr).toContain(`next: slurmctl status ${JOB} --watch`);
  });

  it('passes job file, overrides and the flags of the app, wherever they stand', async () => {
    const submit = vi.fn<App['submit']>(async () => submitted);
    const argv = ['--home', '/data', 'submit', 'job.yaml', '--set', 'a.b=1', '--scheduler', 'local', '--set', 'c=x=y'];
    const { opened, stderr } = await runInProcess(argv, { app: { submit }, env: { HOME: '/home/ada' } });
    expect(opened).toEqual([
      {
        flags: { home: '/data', scheduler: 'local' },
        env: { HOME: '/home/ada' },
        cwd: '/home/ada',
        jobFile: 'job.yaml',
      },
    ]);
    expect(submit.mock.calls[0]?.[0]).toMatchObject({ jobFile: 'job.yaml', set: ['a.b=1', 'c=x=y'] });
    expect(stderr).toContain(`next: slurmctl --home /data --scheduler local status ${JOB} --watch\n`);
  });

  it('--json prints one document with jobId', async () => {
    const { stdout } = await runInProcess(['submit', 'job.yaml', '--json'], { app: submitting });
    expect(JSON.parse(stdout)).toEqual(submitted);
  });

  it('--quiet leaves stderr empty', async () => {
    const { stdout, stderr } = await runInProcess(['submit', 'job.yaml', '--wait', '--quiet'], {
      app: ending('COMPLETED'),
    });
    expect({ stdout, stderr }).toEqual({ stdout: `${JOB}\n`, stderr: '' });
  });

  it('says what it waits for when the rest is left to advance', async () => {
    const app = { submit: async () => ({ ...submitted, waitingFor: 'QOSMaxSubmitJobPerUserLimit' }) };
    const { stderr } = await runInProcess(['submit', 'job.yaml'], { app });
    expect(stderr).toContain('waiting for: QOSMaxSubmitJobPerUserLimit');
    expect(stderr).toContain(`next: slurmctl advance ${JOB}`);
  });

  it('names the job when the submission fails after it was stored', async () => {
    const app: Partial<App> = {
      submit: async ({ onJob }) => {
        onJob?.(JOB);
        throw new AppError('BATCH_UNREACHABLE', { message: 'slurmctld does not answer', hint: 'Wait for it' });
      },
    };
    const { code, stdout, stderr } = await runInProcess(['submit', 'job.yaml', '--json'], { app });
    expect(code).toBe(5);
    expect(stderr).toContain(
      `job ${JOB} is stored but not fully submitted: slurmctld does not answer [BATCH_UNREACHABLE]`,
    );
    expect(stderr).toContain(
      `Wait for it. Go on with: slurmctl advance ${JOB}; or give it up with: slurmctl cancel ${JOB}`,
    );
    expect(JSON.parse(stdout)).toMatchObject({ code: 'BATCH_UNREACHABLE', details: { jobId: JOB } });
  });

  it('says once how the job goes on, with its id', async () => {
    const app: Partial<App> = {
      submit: async ({ onJob }) => {
        onJob?.(JOB);
        const hint = 'Check the route; the job goes on with: slurmctl advance JOB';
        throw new AppError('STATE_UNAVAILABLE', { message: 'no connection', hint });
      },
    };
    const { stderr } = await runInProcess(['submit', 'job.yaml'], { app });
    expect(stderr).toContain(`hint: Check the route. Go on with: slurmctl advance ${JOB}; or give it up`);
  });
});

describe('submit --wait', () => {
  it.each([
    ['COMPLETED', 0, 'results'],
    ['COMPLETED_WITH_FAILURES', 0, 'analyze-errors'],
    ['FAILED', 3, 'analyze-errors'],
    ['CANCELLED', 3, 'results'],
  ] as const)('a job that ends %s gives exit %i and its summary on stderr', async (state, expected, next) => {
    const { code, stdout, stderr } = await runInProcess(['submit', 'job.yaml', '--wait'], { app: ending(state) });
    expect({ code, stdout }).toEqual({ code: expected, stdout: `${JOB}\n` });
    expect(stderr).toContain(`state       ${state} on slurm`);
    expect(stderr).toContain('1,000 of 1,000 (100%), 12 failed');
    expect(stderr).toContain(`next: slurmctl ${next} ${JOB}\n`);
  });

  it('--json prints one document: the submission with the final status', async () => {
    const { stdout } = await runInProcess(['submit', 'job.yaml', '--wait', '--json'], { app: ending('COMPLETED') });
    expect(JSON.parse(stdout)).toEqual({ ...submitted, final: finalStatus('COMPLETED') });
  });

  it('writes plain lines at most every ten seconds, and at every change of phase', async () => {
    const app: Partial<App> = {
      submit: async ({ onProgress }) => {
        onProgress?.({ phase: 'splitting', done: 0, total: 2048, unit: 'bytes' });
        onProgress?.({ phase: 'splitting', done: 1024, total: 2048, unit: 'bytes' });
        onProgress?.({ phase: 'submitting', done: 1, total: 4, unit: 'elements', note: 'waiting for MaxSubmitJobs' });
        return submitted;
      },
      follow: async ({ onStatus }) => {
        for (let call = 0; call < 4; call += 1) onStatus?.(runningStatus);
        return finalStatus('COMPLETED');
      },
    };
    const { stderr } = await runInProcess(['submit', 'job.yaml', '--wait'], {
      app,
      clockMs: [0, 1_000, 2_000, 3_000, 9_000, 12_999, 13_000],
    });
    expect(stderr.match(/^splitting: .*$/gm)).toEqual(['splitting: 0 B of 2.0 KiB (0%)']);
    expect(stderr.match(/^submitting: .*$/gm)).toEqual([
      'submitting: 1 of 4 elements (25%), waiting for MaxSubmitJobs',
    ]);
    expect(stderr.match(/^RUNNING: .*$/gm)).toEqual(
      Array.from({ length: 2 }, () => 'RUNNING: 452 of 1,000 items (45%), 12 failed, 10/s, 41 s to 1 m 15 s left'),
    );
  });

  it('says who was told and who could not be, once and when the bar is gone', async () => {
    const app: Partial<App> = {
      submit: async () => submitted,
      follow: async ({ onStatus, onTold }) => {
        for (let call = 0; call < 3; call += 1) onTold?.('could not tell ops\u001b[2J about failed: ECONNREFUSED');
        onStatus?.(runningStatus);
        onTold?.('the hook on.ended ran: uploaded');
        return finalStatus('COMPLETED');
      },
    };
    const { stderr } = await runInProcess(['submit', 'job.yaml', '--wait'], { app });
    expect(stderr.match(/^.*(?:could not tell|the hook).*$/gm)).toEqual([
      'could not tell ops\\x1b[2J about failed: ECONNREFUSED',
      'the hook on.ended ran: uploaded',
    ]);
    expect(stderr.indexOf('could not tell')).toBeGreaterThan(stderr.indexOf('RUNNING'));
  });

  it('draws a bar on a terminal, and takes it away before anything else is printed', async () => {
    const { stderr } = await runInProcess(['submit', 'job.yaml', '--wait'], {
      app: ending('COMPLETED'),
      tty: { columns: 120, rows: 30 },
    });
    expect(stderr).toContain('452 of 1,000 items · 12 failed · 12/s · 44 s left');
    const bar = stderr.lastIndexOf('44 s left');
    expect(stderr.indexOf('\u001b[?25h', bar)).toBeLessThan(stderr.indexOf('state', bar));
    expect(stderr.indexOf('\u001b[?25h', bar)).toBeGreaterThan(bar);
  });

  it('takes the bar away while it is stopped, and draws it again with the next step', async () => {
    const stops = new Set<StopHooks>();
    const app: Partial<App> = {
      submit: async ({ onProgress }) => {
        onProgress?.({ phase: 'submitting', done: 1, total: 4, unit: 'elements' });
        for (const { before } of stops) await before();
        onProgress?.({ phase: 'submitting', done: 2, total: 4, unit: 'elements' });
        return submitted;
      },
    };
    const tty = { columns: 120, rows: 30 };
    const { stderr } = await runInProcess(['submit', 'job.yaml'], { app, tty, stops });
    const [first = '', second = ''] = stderr.split('\u001b[?25h');
    expect(first).toContain('1 of 4');
    expect(second).toContain('2 of 4');
    expect(stops.size).toBe(0);
  });

  it('draws no bar while nobody knows how much there is', async () => {
    const app: Partial<App> = {
      submit: async ({ onProgress }) => {
        onProgress?.({ phase: 'splitting', done: 1234, total: null, unit: 'items' });
        return submitted;
      },
    };
    const { stderr } = await runInProcess(['submit', 'job.yaml', '--no-color'], {
      app,
      tty: { columns: 120, rows: 30 },
    });
    expect(stderr).toContain('splitting  1,234 items');
    expect(stderr).not.toMatch(/[█░%]/);
  });

  it('Ctrl-C says that the job goes on, exit 130', async () => {
    const interrupt = new AbortController();
    const app: Partial<App> = {
      ...submitting,
      follow: async ({ signal }) => {
        interrupt.abort();
        signal?.throwIfAborted();
        throw new Error('unreachable');
      },
    };
    const { code, stdout, stderr } = await runInProcess(['submit', 'job.yaml', '--wait'], { app, interrupt });
    expect({ code, stdout }).toEqual({ code: 130, stdout: `${JOB}\n` });
    expect(stderr).toContain(`interrupted; job ${JOB} goes on without this command [INTERRUPTED]`);
    expect(stderr).toContain(`slurmctl cancel ${JOB}`);
  });

  it('Ctrl-C while splitting says that nothing was submitted; after that, how to go on', async () => {
    for (const [created, words] of [
      [false, 'Nothing was submitted'],
      [true, `Go on with: slurmctl advance ${JOB}`],
    ] as const) {
      const interrupt = new AbortController();
      const app: Partial<App> = {
        submit: async ({ onJob }) => {
          if (created) onJob?.(JOB);
          interrupt.abort();
          throw new DOMException('aborted', 'AbortError');
        },
      };
      const { code, stdout, stderr } = await runInProcess(['submit', 'job.yaml'], { app, interrupt });
      expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
      expect(stderr).toContain(words);
    }
  });

  it('a failure while following names the job and keeps its code', async () => {
    const app: Partial<App> = {
      ...submitting,
      follow: async () => {
        throw new AppError('STORE_UNAVAILABLE', { message: 'stale file handle' });
      },
    };
    const { code, stderr } = await runInProcess(['submit', 'job.yaml', '--wait'], { app });
    expect(code).toBe(5);
    expect(stderr).toContain(`The job is stored; go on with: slurmctl advance ${JOB}`);
  });
});
