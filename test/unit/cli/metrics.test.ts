import { describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import type { MetricsDocument } from '../../../src/app/metrics-documents.ts';
import { runInProcess } from './run-cli.harness.ts';

const DOCUMENT: MetricsDocument = {
  schema: 'slurmctl.metrics/1',
  at: '2026-11-20T23:31:05.000Z',
  samples: [{ name: 'slurmctl_unreadable_jobs', labels: {}, value: 0 }],
  unreadable: [],
  path: null,
  url: null,
};
const metricsOf = (document: MetricsDocument = DOCUMENT) =>
  vi.fn<App['metrics']>(async ({ path }) => ({
    document: { ...document, path: path === undefined ? null : `/here/${path}` },
    exposition: 'slurmctl_unreadable_jobs 0\n',
  }));

describe('metrics', () => {
  it('prints the text as it is, and nothing else', async () => {
    const call = metricsOf();
    const run = await runInProcess(['metrics'], { app: { metrics: call } });
    expect(run).toMatchObject({ code: 0, stdout: 'slurmctl_unreadable_jobs 0\n', stderr: '' });
    expect(call.mock.calls).toEqual([[{ jobs: [] }]]);
  });

  it('takes any number of jobs', async () => {
    const call = metricsOf();
    await runInProcess(['metrics', 'a', 'b', '@last'], { app: { metrics: call } });
    expect(call.mock.calls).toEqual([[{ jobs: ['a', 'b', '@last'] }]]);
  });

  it('prints nothing for cron when it writes a file', async () => {
    const call = metricsOf();
    const run = await runInProcess(['metrics', '--quiet', '--out', 'x.prom'], { app: { metrics: call } });
    expect(run).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(call.mock.calls).toEqual([[{ jobs: [], path: 'x.prom' }]]);
    const said = await runInProcess(['metrics', '--out', 'x.prom'], { app: { metrics: metricsOf() } });
    expect(said.stderr).toBe('wrote /here/x.prom\n');
    const json = await runInProcess(['metrics', '--out', 'x.prom', '--json'], { app: { metrics: metricsOf() } });
    expect(JSON.parse(json.stdout)).toEqual({ ...DOCUMENT, path: '/here/x.prom' });
  });

  it('ends with 5, and the other figures, when a job cannot be read', async () => {
    const call = metricsOf({ ...DOCUMENT, unreadable: [{ jobId: 'x-00000000', problem: 'torn\u001b[2J' }] });
    const { code, stdout, stderr } = await runInProcess(['metrics'], { app: { metrics: call } });
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'slurmctl_unreadable_jobs 0\n' });
    expect(stderr).toBe('job x-00000000 is missing: torn\\x1b[2J\n');
  });

  it('serves until interrupted, and says where', async () => {
    const call = vi.fn<App['serveMetrics']>(async ({ onListening }) =>
      onListening({ ...DOCUMENT, url: 'http://127.0.0.1:1/t/metrics' }),
    );
    const { code, stdout } = await runInProcess(['metrics', '--serve', '--port', '9415', '--token-file', 'token'], {
      app: { serveMetrics: call },
    });
    expect({ code, stdout }).toEqual({ code: 130, stdout: 'http://127.0.0.1:1/t/metrics\n' });
    expect(call.mock.calls[0]?.[0]).toMatchObject({ jobs: [], port: 9415, tokenFile: 'token' });
  });

  it.each([
    [['--serve', '--out', 'x'], '--serve and --out'],
    [['--port', '9415'], '--port is for --serve'],
    [['--token-file', 'x'], '--token-file is for --serve'],
    [['--out', ''], '--out: found ""'],
    [['--serve', '--token-file', ''], '--token-file: found ""'],
    [['--serve', '--port', '0'], 'expected a port'],
  ])('refuses %j', async (args, words) => {
    const { code, stderr } = await runInProcess(['metrics', ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});
