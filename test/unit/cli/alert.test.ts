import { describe, expect, it } from 'vitest';
import type { AlertListDocument } from '../../../src/app/alert-documents.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { runInProcess } from './run-cli.harness.ts';

const listed: AlertListDocument = {
  schema: 'slurmctl.alert-list/1',
  channels: [{ name: 'team', to: 'the Slack webhook of env:SLACK_URL' }],
  rules: [{ when: 'stall', to: ['team', 'me@example.org'], figures: 'for 30m' }],
  messages: [
    {
      id: 'embed-7k3f9q2m#0#failed-0123#1',
      kind: 'message',
      jobId: 'embed-7k3f9q2m',
      event: 'failed',
      to: 'team',
      state: 'waiting',
      tries: 3,
      createdAt: '2026-11-20T23:31:05.000Z',
      nextAt: '2026-11-20T23:41:05.000Z',
      detail: 'gone\u001b[31m',
    },
  ],
};

describe('alert list', () => {
  it('shows channels, rules and messages, and what to try next', async () => {
    const run = await runInProcess(['alert', 'list'], {
      app: { alertList: async () => listed },
      tty: { columns: 160, rows: 40 },
    });
    expect(run.code).toBe(0);
    const lines = run.stdout.split('\n');
    expect(lines.find((line) => line.startsWith('team'))).toMatch(/^team +the Slack webhook of env:SLACK_URL/);
    expect(lines.find((line) => line.startsWith('stall'))).toMatch(/^stall +for 30m +team, me@example\.org/);
    expect(lines.find((line) => line.startsWith('embed-7k3f9q2m'))).toMatch(/failed +team +.*waiting.* +3 /);
    expect(run.stdout).not.toContain('gone\u001b[31m');
    expect(run.stderr).toContain('slurmctl alert test team');
  });

  it('says where to begin when there is nothing', async () => {
    const empty = { ...listed, channels: [], rules: [], messages: [] };
    const run = await runInProcess(['alert', 'list'], { app: { alertList: async () => empty } });
    expect([run.code, run.stdout]).toEqual([0, '']);
    expect(run.stderr).toContain('docs/alerts.md');
  });
});

describe('alert test', () => {
  it('says who took the message', async () => {
    const alertTest = async (channel: string) =>
      ({ schema: 'slurmctl.alert-test/1', channel, to: 'the program ./page.sh', detail: 'paged' }) as const;
    const run = await runInProcess(['alert', 'test', 'pager'], { app: { alertTest } });
    expect([run.code, run.stdout]).toEqual([0, 'pager works: accepted by the program ./page.sh: paged\n']);
  });

  it('ends with the code of what it could not reach', async () => {
    const alertTest = () => Promise.reject(new AppError('ALERT_NOT_SENT', { message: 'team: answered 404' }));
    const run = await runInProcess(['alert', 'test', 'team'], { app: { alertTest } });
    expect(run.code).toBe(5);
    expect(run.stderr).toContain('team: answered 404');
    expect(run.stderr).toContain('slurmctl alert test CHANNEL');
  });
});
