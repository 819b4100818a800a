import { describe, expect, it } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import { JOB } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const WRITTEN = {
  schema: 'slurmctl.dashboard/1',
  jobId: JOB,
  path: `/data/\u001b[31m${JOB}.html`,
  bytes: 400_000,
  url: null,
} as const;

const run = (...argv: string[]) => {
  const asked: unknown[] = [];
  const interrupt = new AbortController();
  const app: Partial<App> = {
    dashboard: async (request) => {
      asked.push(request);
      return WRITTEN;
    },
    serveDashboard: async ({ onListening, signal, ...request }) => {
      asked.push(request);
      const url = 'http://127.0.0.1:4711/t0ken/';
      await onListening({ schema: 'slurmctl.dashboard/1', jobId: JOB, path: null, bytes: null, url });
      interrupt.abort();
      expect(signal.aborted).toBe(true);
    },
  };
  return runInProcess(['dashboard', ...argv], { app, interrupt }).then((result) => ({ ...result, asked }));
};

describe('dashboard', () => {
  it('writes the page of the newest job, and says where', async () => {
    const { code, stdout, asked } = await run();
    expect(code).toBe(0);
    expect(stdout).toBe(`/data/\\x1b[31m${JOB}.html 391 KiB\n`);
    expect(asked).toEqual([{ job: '@last' }]);
    expect((await run('embed', '--out', 'x.html')).asked).toEqual([{ job: 'embed', path: 'x.html' }]);
    expect(JSON.parse((await run('--json')).stdout)).toEqual(WRITTEN);
  });

  it('serves it until it is interrupted', async () => {
    const { code, stdout, stderr, asked } = await run('--serve');
    expect(code).toBe(130);
    expect(stdout).toBe('http://127.0.0.1:4711/t0ken/\n');
    expect(stderr).toContain('stop with Ctrl-C');
    expect(asked).toEqual([{ job: '@last', port: 0 }]);
    expect((await run('--serve', '--port', '8080')).asked).toEqual([{ job: '@last', port: 8_080 }]);
  });

  it.each([
    [['--serve', '--out', 'x.html'], '--serve and --out cannot be given together'],
    [['--port', '80'], '--port is for --serve'],
    [['--out', ''], '--out: found ""'],
    [['--serve', '--port', '0'], 'expected a port from 1 to 65535'],
    [['--serve', '--port', '65536'], 'expected a port from 1 to 65535'],
  ])('refuses %j', async (argv, message) => {
    const { code, stderr, asked } = await run(...argv);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(asked).toEqual([]);
  });
});
