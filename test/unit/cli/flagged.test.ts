import { describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { flagging } from '../../../src/cli/flagged.ts';
import { readGlobalOptions } from '../../../src/cli/global-options.ts';
import { readCommandLine } from '../../../src/cli/program.ts';
import { AppError } from '../../../src/errors/app-error.ts';
import { JOB, runningStatus } from './documents.fixture.ts';
import { runInProcess, stream } from './run-cli.harness.ts';

const HOME = '--home /data/run --state dynamodb://jobs';
const flags = ['--home', '/data/run', '--state', 'dynamodb://jobs'];
const flagged = flagging({ home: '/data/run', state: 'dynamodb://jobs' });

describe('commands in texts', () => {
  it('get the flags that led to them, wherever in a sentence they stand', () => {
    expect(flagged('slurmctl status x')).toBe(`slurmctl ${HOME} status x`);
    expect(flagged("printf '%s\\n' a | slurmctl retry x --items -")).toBe(
      `printf '%s\\n' a | slurmctl ${HOME} retry x --items -`,
    );
    expect(flagged('look (slurmctl doctor shows it), then: `slurmctl advance x`\n→ slurmctl gc --dry-run')).toBe(
      `look (slurmctl ${HOME} doctor shows it), then: \`slurmctl ${HOME} advance x\`\n→ slurmctl ${HOME} gc --dry-run`,
    );
    expect(flagging({ home: "/it's here" })('slurmctl list')).toBe(String.raw`slurmctl --home '/it'\''s here' list`);
  });

  it('are left alone where there is none, and where they have them', () => {
    for (const text of [
      'slurmctl waits and goes on',
      '/opt/slurmctl status',
      'my-slurmctl list',
      'slurmctl listing',
      flagged('slurmctl list'),
    ])
      expect(flagged(text)).toBe(text);
    expect(flagging({})('slurmctl list')).toBe('slurmctl list');
  });

  it('of every kind are read as they were meant', () => {
    const meant = { home: '/data/run', state: 'dynamodb://jobs' };
    for (const { name, args } of commands) {
      const line = `slurmctl ${name} ${args.map((arg) => arg.name).join(' ')}`.trim();
      const request = readCommandLine(flagged(line).split(' ').slice(1), { version: () => '', commands });
      if (request.kind !== 'run') throw new Error(`${line} is not run`);
      expect([request.command.name, readGlobalOptions(request.raw.options).app]).toEqual([name, meant]);
    }
  });
});

describe('what is printed', () => {
  const idle = {
    ...runningStatus,
    tasks: { ...runningStatus.tasks, running: 0 },
  };

  it('can be copied: on the screen of status, below it, and while it is watched', async () => {
    const app = { status: async () => idle, watch: () => stream(idle) };
    const { stdout, stderr } = await runInProcess(['status', JOB, ...flags], { app });
    expect(stdout).toContain(`what to do: slurmctl ${HOME} explain ${JOB}\n`);
    expect(stdout).toContain(`slurmctl ${HOME} analyze-errors ${JOB}\n`);
    expect(stderr).toBe(`next: slurmctl ${HOME} status ${JOB} --watch\n`);
    const tty = { columns: 200, rows: 40 };
    const watched = await runInProcess(['status', JOB, '--watch', ...flags], { app, tty });
    expect(watched.stdout).toContain(`slurmctl ${HOME} explain ${JOB}`);
    const plain = await runInProcess(['status', JOB], { app });
    expect(plain.stdout).toContain(`what to do: slurmctl explain ${JOB}\n`);
  });

  it('can be copied out of hints and findings', async () => {
    const status = async (): Promise<never> => {
      throw new AppError('JOB_NOT_FOUND', { message: 'there is no job x' });
    };
    const failed = await runInProcess(['status', 'x', ...flags], { app: { status } });
    expect(failed.stderr).toContain(`hint: List the jobs with: slurmctl ${HOME} list --all\n`);
    const finding = {
      check: 'stuck',
      verdict: 'fail',
      jobId: JOB,
      found: 'x',
      remedy: `slurmctl advance ${JOB}`,
    } as const;
    const at = '2026-11-20T23:31:05.000Z';
    const document = {
      schema: 'slurmctl.health/1',
      verdict: 'fail',
      at,
      jobs: 1,
      findings: [finding],
      notes: [],
    } as const;
    const health = await runInProcess(['health', ...flags], { app: { health: async () => document } });
    expect(health.stdout).toContain(`→ slurmctl ${HOME} advance ${JOB}\n`);
  });

  it('is data with --json: whoever reads it has the flags', async () => {
    const { stdout } = await runInProcess(['status', JOB, '--json', ...flags], { app: { status: async () => idle } });
    expect(JSON.parse(stdout)).toEqual(idle);
  });
});
