import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from '../../../src/config/settings.ts';
import { ALERT_KINDS } from '../../../src/domain/alert-rule.ts';
import { formatDuration } from '../../../src/domain/units.ts';
import { ALERT_DEFAULTS } from '../../../src/observe/alerts/judge-rule.ts';
import { fencesOf } from '../../support/markdown.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { errorOf, lines, load, MINIMAL, problemsOf, writeFiles } from './job-file-fixture.ts';

const temp = makeTempDir('alerts');
afterAll(() => temp.remove());
let dir = '';
let count = 0;
beforeEach(async () => {
  dir = join(temp.path, `case-${(count += 1)}`);
  await mkdir(join(dir, 'project'), { recursive: true });
});

const settings = () => loadSettings({ flags: {}, cwd: join(dir, 'project'), env: { HOME: join(dir, 'me') } });
const settingsProblems = async (yaml: string): Promise<string[]> => {
  await writeFiles(dir, { 'project/slurmctl.yaml': yaml });
  return lines((await errorOf(settings())).problems);
};

describe('alerts of a job file', () => {
  it('are absent from a spec without them', async () => {
    for (const more of ['', 'alerts: []\n', 'on:\n'])
      expect(Object.keys((await load(dir, MINIMAL + more)).spec)).not.toEqual(expect.arrayContaining(['alerts', 'on']));
  });

  it('with every key', async () => {
    await writeFiles(dir, { 'notify.sh': '' });
    const yaml = `${MINIMAL}on: {completed: [sh, notify.sh], ended: [sh, -c, "true"]}
alerts:
  - {when: failed, to: [ops, me@example.org, ops]}
  - {when: stall, for: 45m, to: ops}
  - {when: error-spike, above: 50, within: 5m, to: ops}
  - {when: error-rate, above: 2.5%, to: ops}
  - {when: deadline, within: 12h, to: ops}
`;
    const { spec } = await load(dir, yaml);
    expect(spec.on).toEqual({ completed: ['sh', 'notify.sh'], ended: ['sh', '-c', 'true'] });
    expect(spec.alerts).toEqual([
      { when: 'failed', to: ['ops', 'me@example.org'] },
      { when: 'stall', to: ['ops'], forMs: 2_700_000 },
      { when: 'error-spike', to: ['ops'], above: 50, withinMs: 300_000 },
      { when: 'error-rate', to: ['ops'], above: 2.5 },
      { when: 'deadline', to: ['ops'], withinMs: 43_200_000 },
    ]);
  });

  it('are told off at their lines, all of them', async () => {
    const yaml = `${MINIMAL}on: {done: [x], failed: ./no.sh}
alerts:
  - {when: faild, to: ops}
  - {to: ops}
  - {when: stall, within: 5m, to: ops}
  - {when: error-rate, above: 5, to: ops}
  - {when: deadline, to: [Bad Name, "a@b\\r\\nBcc: c@d"]}
  - failed
`;
    expect(await problemsOf(dir, yaml)).toEqual([
      '3:6 on.done: unknown key · Known here: completed, failed, cancelled, ended',
      expect.stringMatching(/^3:25 on\.failed: found "\.\/no\.sh", expected a list with the program/),
      expect.stringMatching(/^5:12 alerts: alert 1: found "faild", expected .* · Did you mean `failed`\?$/),
      expect.stringMatching(/^6:5 alerts: alert 2: found an alert without `when`/),
      '7:19 alerts: alert 3: found `within` in an alert for stall, which has no such key · Use one of: when, to, for',
      expect.stringMatching(/^8:31 alerts: alert 4: found 5, expected a percentage .* · Add the sign: 5%$/),
      expect.stringMatching(/^9:5 alerts: alert 5: found a deadline without `within`/),
      expect.stringMatching(
        /^9:27 alerts: alert 5: found "Bad Name", expected the name of a channel or an e-mail address/,
      ),
      expect.stringMatching(/^9:37 alerts: alert 5: found "a@b/),
      expect.stringMatching(/^10:5 alerts: alert 6: found "failed", expected an alert such as/),
    ]);
  });

  it('a program that is not there is told before anything is submitted', async () => {
    expect(await problemsOf(dir, `${MINIMAL}on: {failed: [./no.sh]}\n`)).toEqual([
      expect.stringMatching(/^3:15 on\.failed: cannot run .*no\.sh: /),
    ]);
  });
});

describe('alerts of settings', () => {
  it('come from both files: the nearer channel and mail server count, rules add up', async () => {
    await writeFiles(dir, {
      'project/slurmctl.yaml': `channels:
  team: {slack: env:SLACK_URL}
  ops: {webhook: "https://hooks.example.org/in", secret: file:hook.key}
  pager: {command: [./page.sh, loud]}
alerts: [{when: failed, to: team}]
`,
      'me/.config/slurmctl/config.yaml': `mail: {server: mail.example.org, user: ada, password: file:~/.mail, from: ada@example.org}
channels: {team: {mail: ada@example.org}, me: {mail: [ada@example.org, b@example.org]}}
alerts: [{when: ended, to: me}]
`,
    });
    expect((await settings()).alerting).toEqual({
      channels: {
        team: { kind: 'slack', url: { from: 'env', name: 'SLACK_URL' } },
        ops: {
          kind: 'webhook',
          url: 'https://hooks.example.org/in',
          secret: { from: 'file', path: join(dir, 'project/hook.key') },
        },
        pager: { kind: 'command', argv: ['./page.sh', 'loud'], cwd: join(dir, 'project') },
        me: { kind: 'mail', to: ['ada@example.org', 'b@example.org'] },
      },
      mail: {
        sendmail: '/usr/sbin/sendmail',
        from: 'ada@example.org',
        smtp: {
          host: 'mail.example.org',
          port: 587,
          security: 'starttls',
          user: 'ada',
          password: { from: 'file', path: join(dir, 'me/.mail') },
        },
      },
      rules: [
        { when: 'failed', to: ['team'] },
        { when: 'ended', to: ['me'] },
      ],
    });
  });

  it('never repeat what may be a secret', async () => {
    const found = await settingsProblems(`mail: {server: "smtp://ada:hunter2@mail", user: ada, password: hunter2}
channels:
  team: {slack: "https://hooks.slack.com/services/hunter2"}
  ops: {webhook: "https://ada:hunter2@example.org/", secret: hunter2}
`);
    expect(found.map((line) => line.split(': found')[0])).toEqual([
      '1:16 mail.server',
      '1:64 mail.password',
      '3:17 channels: team',
      '4:18 channels: ops',
    ]);
    expect(found.join(' ')).not.toContain('hunter2');
  });

  it('are told off at their lines', async () => {
    const found = await settingsProblems(`mail: {server: mail, security: none, user: ada, password: env:PW}
channels:
  Team: {mail: a@example.org}
  two: {mail: a@example.org, slack: env:X}
  none: {}
  typo: {webhook: "https://x", secrets: env:X}
  addr: {mail: nobody}
`);
    expect(found).toEqual([
      expect.stringMatching(/^1:59 mail\.password: found a password with mail\.security: none/),
      expect.stringMatching(/^3:3 channels: Team: found a name that is none/),
      expect.stringMatching(/^4:8 channels: two: found mail and slack, expected a channel: one of/),
      expect.stringMatching(/^5:9 channels: none: found none, expected a channel/),
      '6:32 channels: typo: found `secrets` in a channel of the kind webhook · Did you mean `secret`?',
      expect.stringMatching(/^7:16 channels: addr: found "nobody", expected an e-mail address/),
    ]);
    expect(await settingsProblems('mail: {server: mail, user: ada}\n')).toEqual([
      expect.stringMatching(/^1:28 mail\.user: found it without mail\.password/),
    ]);
  });
});

describe('docs/alerts.md', () => {
  const page = readFileSync(fileURLToPath(new URL('../../../docs/alerts.md', import.meta.url)), 'utf8');
  const yaml = fencesOf(page).filter(({ language }) => language === 'yaml');

  it('has job files and settings that load', async () => {
    const [job, mail, channels, hooks] = yaml.map(({ text }) => text);
    await writeFiles(dir, { 'project/slurmctl.yaml': `${mail}${channels}` });
    const { alerting } = await settings();
    expect([Object.keys(alerting.channels), alerting.rules.length]).toEqual([['team', 'ops', 'us', 'pager'], 8]);
    expect(alerting.mail.smtp).toMatchObject({ host: 'mail.example.org', port: 587, security: 'starttls' });
    for (const name of ['next-step.sh', 'clean-up.sh'])
      await writeFile(join(dir, name), '#!/bin/sh\n', { mode: 0o700 });
    const { spec } = await load(dir, `${MINIMAL}${job}${hooks}`);
    expect(spec.alerts).toEqual([{ when: 'ended', to: ['me@example.org'] }]);
    expect(spec.on).toEqual({
      completed: [join(dir, 'next-step.sh'), '--publish'],
      failed: [join(dir, 'clean-up.sh')],
    });
  });

  it('names every kind of rule, and what it counts with when it does not say', () => {
    const inFile = (ms: number): string => formatDuration(ms).replaceAll(/\s/g, '');
    const rows = page.split('\n').filter((line) => /^\| `(?!when)[a-z-]+` \|.*\|.*\|$/.test(line));
    expect(rows.map((row) => /`([a-z-]+)`/.exec(row)?.[1])).toEqual(Object.keys(ALERT_KINDS));
    const cellOf = (kind: string): string =>
      rows
        .find((row) => row.startsWith(`| \`${kind}\``))
        ?.split('|')[3]
        ?.trim() ?? '';
    const { stallMs, queueWaitMs, errorRatePercent, spikeItems, spikeWithinMs, quotaPercent, tasks } = ALERT_DEFAULTS;
    expect(cellOf('stall')).toBe(`\`for\` (${inFile(stallMs)})`);
    expect(cellOf('queue-wait')).toBe(`\`for\` (${inFile(queueWaitMs)})`);
    expect(cellOf('error-rate')).toBe(`\`above\` (${errorRatePercent}%)`);
    expect(cellOf('error-spike')).toBe(`\`above\` (${spikeItems}), \`within\` (${inFile(spikeWithinMs)})`);
    expect(cellOf('quota')).toBe(`\`above\` (${quotaPercent}%)`);
    for (const kind of ['retry', 'timeout', 'budget']) expect(cellOf(kind)).toBe(`\`above\` (${tasks})`);
  });
});
