import { describe, expect, it } from 'vitest';
import type { EfficiencyReport } from '../../../src/domain/efficiency-report.ts';
import { JOB } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const GIB = 1024 ** 3;
const document: EfficiencyReport = {
  schema: 'slurmctl.report/1',
  jobId: JOB,
  name: 'licences',
  state: 'COMPLETED',
  scheduler: 'slurm',
  readAt: '2026-11-20T12:42:00.000Z',
  asked: { cpus: 4, memoryBytes: 8 * GIB, timeMs: 14_400_000 },
  attempts: { withResult: 990, measured: 990, failed: 12, running: 0, elements: 50 },
  cpu: { usedMs: 3_960_000, askedMs: 14_400_000, share: 0.275 },
  memory: { p50Bytes: 0.2 * GIB, p95Bytes: 0.4 * GIB, mostBytes: 0.5 * GIB, share: 0.0625 },
  time: { p50Ms: 600_000, p95Ms: 1_700_000, mostMs: 1_800_000, longestTaskMs: 90_000, share: 0.125 },
  wait: { p50Ms: 120_000, p95Ms: 600_000, mostMs: 900_000 },
  missing: [],
  cost: { cpuHours: 123.4, memoryGibHours: 246.8 },
  wasted: {
    attempts: 12,
    ms: 5_400_000,
    cpuHours: 6,
    share: 0.0486,
    causes: [{ cause: 'node-fail', explanation: 'the compute node died', attempts: 12, ms: 5_400_000 }],
  },
  advice: [
    {
      key: 'resources.memory',
      now: '8G',
      value: '768M',
      line: 'memory: 768M',
      option: '--set resources.memory=768M',
      why: 'no worker had more than 512 MiB; this is a third more, rounded up',
      saves: { cpuHours: 0, memoryGibHours: 223.6 },
    },
    {
      key: 'resources.time',
      now: '4h',
      value: '45m',
      line: 'time: 45m',
      option: '--set resources.time=45m',
      why: 'no element worked longer than 30 m',
      saves: null,
    },
  ],
  notes: ['\u001b[31mred'],
};

describe('report', () => {
  it('shows a line a figure, then what to change', async () => {
    const { code, stdout, stderr } = await runInProcess(['report'], { app: { report: async () => document } });
    expect(code).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "job         licences-7k3f9q2m is COMPLETED  (licences)
      attempts    990 with a result, 12 without, in 50 elements
      CPU         28 % of 4 CPUs was used
      memory      512 MiB at most (6.3 % of 8.0 GiB), half of the elements below 205 MiB
      time        30 m at most (13 % of 4 h); longest task 1 m 30 s
      waited      2 m for half of the elements, 15 m at most
      cost        123 CPU-hours, 247 GiB-hours of memory
      wasted      6 CPU-hours (4.9 %) in 12 attempts without a result
                  node-fail: 12 attempts, 1 h 30 m, the compute node died
      note: \\x1b[31mred

      resources.memory is 8G; in the job file, under resources: memory: 768M
         no worker had more than 512 MiB; this is a third more, rounded up. It would have saved 224 GiB-hours
         or: slurmctl submit … --set resources.memory=768M
      resources.time is 4h; in the job file, under resources: time: 45m
         no element worked longer than 30 m
         or: slurmctl submit … --set resources.time=45m
      "
    `);
    expect(stderr).toBe(`next: slurmctl status ${JOB}\n`);
  });

  it('says where there is nothing to say', async () => {
    const { wasted } = document;
    const nothing = {
      ...document,
      asked: null,
      cpu: null,
      memory: null,
      time: null,
      wait: null,
      advice: [],
      notes: [],
    };
    const attempts = { withResult: 0, measured: 0, failed: 0, running: 3, elements: 3 };
    const shown: EfficiencyReport = {
      ...nothing,
      state: 'RUNNING',
      attempts,
      missing: ['No attempt has ended.'],
      wasted: { ...wasted, attempts: 0, causes: [] },
    };
    const { stdout } = await runInProcess(['report', 'x'], { app: { report: async () => shown } });
    expect(stdout).toMatchInlineSnapshot(`
      "job         licences-7k3f9q2m is RUNNING  (licences)
      attempts    0 with a result, 3 running, in 3 elements
      cost        123 CPU-hours, 247 GiB-hours of memory
      note: No attempt has ended.

      too little is known to advise anything (the job is RUNNING)
      "
    `);
    const fits = await runInProcess(['report'], { app: { report: async () => ({ ...document, advice: [] }) } });
    expect(fits.stdout).toContain('the requests fit');
  });

  it('breaks figures to the terminal, and never what is to be copied', async () => {
    const tty = { columns: 40, rows: 10 };
    const { stdout } = await runInProcess(['report', '--no-color'], { app: { report: async () => document }, tty });
    expect(stdout).toContain('--set resources.memory=768M');
    const figures = stdout.slice(0, stdout.indexOf('note:')).split('\n');
    expect(Math.max(...figures.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(figures.join(' ')).not.toContain('…');
  });

  it('prints the document with --json', async () => {
    const { stdout } = await runInProcess(['report', '--json'], { app: { report: async () => document } });
    expect(JSON.parse(stdout)).toEqual(document);
  });
});
