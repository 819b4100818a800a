import { describe, expect, it, vi } from 'vitest';
import type { App } from '../../../src/app/api.ts';
import type { DoctorDocument, GcDocument, ListDocument, TickDocument } from '../../../src/app/documents.ts';
import { JOB, planned, runningStatus } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

describe('plan', () => {
  const app = { plan: async () => planned };

  it('shows what would be submitted and the command that does it', async () => {
    const { code, stdout, stderr } = await runInProcess(['plan', 'my job.yaml', '--set', 'a=b c'], { app });
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "job         licences
      scheduler   slurm (scontrol ping answers)
      home        /data/.slurmctl
      input       1,000 items, 121 KiB, 1 bad record
      tasks       10
      elements    4 (as many as the partition can run at once)
      limits      MaxArraySize 1001 (scontrol show config)
                  slots 16 (sinfo)
      failures    1. exit 75 → try again, 4 times at most; wait up to 10 s, doubling to 10 m · rule 1 (job.yaml:9)
                  2. everything → try again, 1 try of an item and 3 attempts at a task in all · built-in rule for everything else

      submission 1 of 6: 4 elements
      sbatch --array=0-0 '--comment=it'\\''s'

      submission 2 of 6: 4 elements
      sbatch --array=0-1 '--comment=it'\\''s'

      submission 3 of 6: 4 elements
      sbatch --array=0-2 '--comment=it'\\''s'

      submission 4 of 6: 4 elements
      sbatch --array=0-3 '--comment=it'\\''s'

      … and 2 more submissions (--scripts shows all)
      warning: job.yaml:7:3: handler.timeout is longer than resources.time
      "
    `);
    expect(stderr).toBe("next: slurmctl submit 'my job.yaml' --set 'a=b c'\n");
  });

  it('--scripts shows every submission with its script', async () => {
    const { stdout } = await runInProcess(['plan', 'job.yaml', '--scripts'], { app });
    expect(stdout.match(/exec worker/g)).toHaveLength(6);
    expect(stdout).not.toContain('--scripts shows all');
  });
});

describe('list', () => {
  const document: ListDocument = {
    schema: 'slurmctl.list/1',
    jobs: [
      {
        id: JOB,
        name: 'evil\u001b[31m\nname',
        state: 'RUNNING',
        reason: null,
        createdAt: '2026-11-20T23:31:05.000Z',
        user: 'ada',
        items: runningStatus.items,
      },
      {
        id: 'b-00000000',
        name: 'b',
        state: 'FAILED',
        reason: '12 items failed',
        createdAt: '2026-11-19T01:02:03.000Z',
        user: 'ada',
        items: { total: 0, succeeded: 0, failed: 0, pending: 0 },
      },
    ],
    more: 0,
  };

  it('prints a line a job', async () => {
    const { stdout, stderr } = await runInProcess(['list', '--all'], { app: { list: async () => document } });
    expect(stdout).toMatchInlineSnapshot(`
      "JOB                NAME                STATE    ITEMS  DONE  FAILED  CREATED (UTC)     REASON
      licences-7k3f9q2m  evil\\x1b[31m\\nname  RUNNING  1,000   45%      12  2026-11-20 23:31
      b-00000000         b                   FAILED       0    0%       0  2026-11-19 01:02  12 items failed
      "
    `);
    expect(stderr).toBe(`next: slurmctl status ${JOB}\n`);
  });

  it('fits the terminal', async () => {
    const { stdout } = await runInProcess(['list', '--no-color'], {
      app: { list: async () => document },
      tty: { columns: 80, rows: 24 },
    });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines[1]).toContain(JOB);
  });

  it('asks for live jobs or for all, and says what to do when there are none', async () => {
    const list = vi.fn<App['list']>(async () => ({ schema: 'slurmctl.list/1', jobs: [], more: 0 }));
    const live = await runInProcess(['list'], { app: { list } });
    const all = await runInProcess(['list', '--all'], { app: { list } });
    expect(list.mock.calls).toEqual([[{ all: false }], [{ all: true }]]);
    expect([live.stdout, all.stdout]).toEqual(['', '']);
    expect(live.stderr).toContain('slurmctl list --all');
    expect(all.stderr).toContain('slurmctl init');
  });
});

describe('advance and tick', () => {
  it('advance prints the steps and where the job stands', async () => {
    const advance = vi.fn<App['advance']>(async () => ({
      schema: 'slurmctl.advance/1',
      jobId: JOB,
      state: 'RUNNING',
      steps: ['task 000012: node-fail on n2, retried in wave 1', 'submitted wave 1'],
      nextDueMs: 30_000,
    }));
    const { code, stdout } = await runInProcess(['advance', '@last', '--wait-lease', '5m'], { app: { advance } });
    expect(code).toBe(0);
    expect(advance.mock.calls[0]?.[0]).toMatchObject({ job: '@last', waitLeaseMs: 300_000 });
    expect(stdout).toBe(
      `${JOB} RUNNING, next step due in 30 s\n  task 000012: node-fail on n2, retried in wave 1\n  submitted wave 1\n`,
    );
  });

  it('tick goes over all jobs and exits with 5 when one could not be advanced', async () => {
    const jobs: TickDocument['jobs'] = [
      { jobId: 'a-00000000', state: 'COMPLETED', steps: ['published'], nextDueMs: null, error: null },
      { jobId: 'b-00000000', state: 'RUNNING', steps: [], nextDueMs: null, error: 'slurmctld does not answer' },
    ];
    const run = await runInProcess(['tick'], { app: { tick: async () => ({ schema: 'slurmctl.tick/1', jobs }) } });
    expect(run.code).toBe(5);
    expect(run.stdout).toBe(
      'a-00000000 COMPLETED\n  published\nb-00000000 RUNNING\n  error: slurmctld does not answer\n',
    );
    const quiet = await runInProcess(['tick'], {
      app: { tick: async () => ({ schema: 'slurmctl.tick/1', jobs: [] }) },
    });
    expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: 'no live jobs\n' });
  });
});

describe('cancel and aggregate', () => {
  it('cancel passes the reason and counts what it ended', async () => {
    const cancel = vi.fn<App['cancel']>(async () => ({
      schema: 'slurmctl.cancel/1',
      jobId: JOB,
      state: 'CANCELLED',
      reason: 'wrong input',
      cancelledSubmissions: 1,
      tasksRunning: 1,
      tasksCancelled: 9,
    }));
    for (const verb of ['pause', 'resume', 'cancel'])
      expect((await runInProcess([verb, JOB, '--reason', ' '])).code, verb).toBe(2);
    const { stdout } = await runInProcess(['cancel', JOB, '--reason', 'wrong input'], { app: { cancel } });
    expect(cancel.mock.calls).toEqual([[{ job: JOB, reason: 'wrong input' }]]);
    expect(stdout).toBe(
      `${JOB} CANCELLED: 1 array job and 9 tasks cancelled\n  wrong input\n  1 of them was running: its element has been told to end\n`,
    );
  });

  it('aggregate says whether anything new was published, and where', async () => {
    const aggregate = async () =>
      ({
        schema: 'slurmctl.aggregate/1',
        jobId: JOB,
        publication: 'p1',
        published: false,
        path: '/data/out.parquet',
        rows: 1,
        failed: 0,
      }) as const;
    const { stdout, stderr } = await runInProcess(['aggregate', JOB], { app: { aggregate } });
    expect(stdout).toBe('already published: 1 row, 0 failed\n/data/out.parquet\n');
    expect(stderr).toBe(`next: slurmctl results ${JOB}\n`);
  });
});

describe('doctor', () => {
  const document = (ok: boolean): DoctorDocument => ({
    schema: 'slurmctl.doctor/1',
    ok,
    checks: [
      { name: 'node', verdict: 'ok', found: '20.20.2', remedy: null },
      { name: 'local scratch', verdict: ok ? 'warn' : 'fail', found: '/tmp is nfs', remedy: 'Set SLURMCTL_SCRATCH' },
    ],
    settings: [{ name: 'home', value: '/data/.slurmctl', from: 'default' }],
  });

  it('prints a line a check with its remedy, then the settings', async () => {
    const { code, stdout } = await runInProcess(['doctor'], { app: { doctor: async () => document(true) } });
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "ok    node           20.20.2
      warn  local scratch  /tmp is nfs
                           → Set SLURMCTL_SCRATCH

      settings
      home  /data/.slurmctl  (default)
      "
    `);
  });

  it('exits with 5 when a check fails', async () => {
    const { code, stderr } = await runInProcess(['doctor'], { app: { doctor: async () => document(false) } });
    expect(code).toBe(5);
    expect(stderr).toContain('correct the lines marked fail');
  });
});

describe('gc', () => {
  const removed: GcDocument['removed'] = [{ what: `${JOB}: batches`, objects: 1200, bytes: 3 * 1024 ** 2 }];
  const gc = () => vi.fn<App['gc']>(async ({ dryRun }) => ({ schema: 'slurmctl.gc/1', dryRun, removed }));

  it('leaves jobs of less than 30 days alone unless told otherwise', async () => {
    const DAY_MS = 86_400_000;
    const call = gc();
    for (const argv of [[], [JOB], ['--older-than', '7d', '--purge'], [JOB, '--older-than', '1h', '--purge']])
      await runInProcess(['gc', ...argv], { app: { gc: call } });
    expect(call.mock.calls.map(([request]) => request)).toEqual([
      { dryRun: false, olderThanMs: 30 * DAY_MS, purge: false },
      { dryRun: false, olderThanMs: 0, purge: false, job: JOB },
      { dryRun: false, olderThanMs: 7 * DAY_MS, purge: true },
      { dryRun: false, olderThanMs: DAY_MS / 24, purge: true, job: JOB },
    ]);
  });

  it('shows what would go, and that nothing went', async () => {
    const { stdout, stderr } = await runInProcess(['gc', '--dry-run'], { app: { gc: gc() } });
    expect(stdout).toMatchInlineSnapshot(`
      "WOULD REMOVE                OBJECTS     SIZE
      licences-7k3f9q2m: batches    1,200  3.0 MiB
      would free 3.0 MiB in 1,200 objects
      "
    `);
    expect(stderr).toContain('nothing was removed');
  });
});

describe('init', () => {
  const app = {
    examples: async () => [
      { name: 'module', summary: 'JavaScript handler' },
      { name: 'licences', summary: 'Inventory of installed packages' },
    ],
    init: vi.fn<App['init']>(async ({ example, directory }) => ({
      schema: 'slurmctl.init/1',
      example,
      directory,
      files: [`${directory}/handler.mjs`, `${directory}/job.yaml`],
    })),
  };

  it('writes the first example by default and names the files and the next command', async () => {
    const { stdout, stderr } = await runInProcess(['init', "ada's job"], { app });
    expect(app.init.mock.lastCall).toEqual([{ example: 'module', directory: "ada's job" }]);
    expect(stdout).toBe("ada's job/handler.mjs\nada's job/job.yaml\n");
    expect(stderr).toBe(`next: cd 'ada'\\''s job' && slurmctl plan job.yaml\n`);
  });

  it('--list prints the examples and writes nothing', async () => {
    const calls = app.init.mock.calls.length;
    const { stdout } = await runInProcess(['init', '--list'], { app });
    expect(stdout).toBe(
      'EXAMPLE   WHAT IT SHOWS\nmodule    JavaScript handler\nlicences  Inventory of installed packages\n',
    );
    const json = await runInProcess(['init', '--list', '--json'], { app });
    expect(JSON.parse(json.stdout)).toEqual({ schema: 'slurmctl.examples/1', examples: await app.examples() });
    expect(app.init.mock.calls.length).toBe(calls);
  });
});
