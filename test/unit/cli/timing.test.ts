import { describe, expect, it } from 'vitest';
import type { RequestCount } from '../../../src/app/documents.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { runInProcess, type CliRunOptions } from './run-cli.harness.ts';

const counted = (service: string, operation: string, more: Partial<RequestCount> = {}): RequestCount => ({
  service,
  operation,
  requests: 1,
  throttled: 0,
  failed: 0,
  ms: 12.4,
  bytesSent: 0,
  bytesReceived: 0,
  readUnits: 0,
  writeUnits: 0,
  ...more,
});
const REQUESTS = [
  counted('dynamodb', 'Query', { requests: 1_234, readUnits: 2.5, bytesReceived: 4_096, ms: 2_345 }),
  counted('dynamodb', 'UpdateItem', { requests: 6, throttled: 2, failed: 1, writeUnits: 3, bytesSent: 1_536 }),
  counted('s3', 'GetObject', { bytesReceived: 10_000_000 }),
];
const app: NonNullable<CliRunOptions['app']> = {
  list: async () => ({ schema: 'slurmctl.list/1', jobs: [], more: 0 }),
  requests: () => REQUESTS,
};
/** The app is open after 200 ms, and everything over after 1,240. */
const clockMs = [200, 1_240];

describe('--timing', () => {
  it('is a small table on stderr, with a sum where a service has several operations', async () => {
    const { code, stdout, stderr } = await runInProcess(['list', '--timing', '--quiet'], { app, clockMs });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatchInlineSnapshot(`
      "timing: 1.24 s, of which 200 ms start-up; 1,241 requests to services
      SERVICE   OPERATION   REQUESTS  THROTTLED  FAILED    TIME     SENT  RECEIVED  READ UNITS  WRITE UNITS
      dynamodb  Query          1,234          0       0  2.35 s      0 B   4.0 KiB         2.5            0
      dynamodb  UpdateItem         6          2       1   12 ms  1.5 KiB       0 B           0            3
      dynamodb  all            1,240          2       1  2.36 s  1.5 KiB   4.0 KiB         2.5            3
      s3        GetObject          1          0       0   12 ms      0 B   9.5 MiB           0            0
      "
    `);
  });

  it('with --json is one line, and stdout has the document alone', async () => {
    const { stdout, stderr } = await runInProcess(['list', '--timing', '--json', '--quiet'], { app, clockMs });
    expect(JSON.parse(stdout)).toEqual({ schema: 'slurmctl.list/1', jobs: [], more: 0 });
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(stderr)).toEqual({
      schema: 'slurmctl.timing/1',
      command: 'list',
      wallMs: 1_240,
      startUpMs: 200,
      requests: REQUESTS,
    });
  });

  it('that cannot be told changes nothing of how the command ended', async () => {
    const untold = {
      ...app,
      requests: () => {
        throw new Error('not counted');
      },
    };
    const run = await runInProcess(['list', '--timing', '--quiet'], { app: untold, clockMs });
    expect(run).toMatchObject({ code: 0, stderr: 'warning: no timing: not counted\n' });
  });

  it('comes after the error of a command that fails', async () => {
    const failing = { ...app, list: () => Promise.reject(new AppError('STATE_UNAVAILABLE', { message: 'down' })) };
    const { code, stderr } = await runInProcess(['list', '--timing'], { app: failing, clockMs });
    expect(code).toBe(5);
    expect(stderr).toMatch(/^error: down.*\nhint: .*\ntiming: 1.24 s, of which 200 ms start-up; 1,241 requests/s);
  });

  it('has no table where nothing was asked of services, and no start-up where the app was not needed', async () => {
    const quiet = { ...app, requests: () => [] };
    const listed = await runInProcess(['list', '--timing', '--quiet'], { app: quiet, clockMs });
    expect(listed.stderr).toBe('timing: 1.24 s, of which 200 ms start-up; 0 requests to services\n');
    const usage = await runInProcess(['gc', '--purge', '--timing'], { clockMs: [70] });
    expect(usage.stderr).toMatch(/timing: 70 ms; 0 requests to services\n$/);
  });

  it.each([
    ['1', /^timing: /],
    ['json', /^\{"schema":"slurmctl.timing\/1"/],
    ['0', /^$/],
    ['', /^$/],
  ])('is asked for with SLURMCTL_TIMING=%s too', async (SLURMCTL_TIMING, words) => {
    const { stderr } = await runInProcess(['list', '--quiet'], { app, clockMs, env: { SLURMCTL_TIMING } });
    expect(stderr).toMatch(words);
  });
});
