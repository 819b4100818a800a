import { describe, expect, it } from 'vitest';
import type { AdvanceDocument, CarryDocument, TickDocument } from '../../../src/app/documents.ts';
import { JOB, runningStatus, submitted } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const carry: CarryDocument = {
  seenFrom: 'spool',
  host: 'login1',
  directory: '/scratch/me/.slurmctl/spool',
  upTo: '2026-11-20T23:40:00.000Z',
  ageMs: 180_000,
  tasks: 4,
  total: 10,
  complete: false,
  problem: null,
  notes: [],
};
const advanced: AdvanceDocument = {
  schema: 'slurmctl.advance/1',
  jobId: JOB,
  state: 'RUNNING',
  steps: [],
  nextDueMs: null,
};
const problem = 'the bucket runs does not answer [STORE_UNAVAILABLE]';

async function carriedLines(shown: CarryDocument): Promise<string[]> {
  const { stdout } = await runInProcess(['status', JOB], {
    app: { status: async () => ({ ...runningStatus, carry: shown }) },
  });
  const lines = stdout.split('\n');
  const first = lines.findIndex((line) => line.startsWith('carried'));
  return lines.slice(first, -1);
}

describe('status of a job that lives in a spool', () => {
  it.each([
    ['carried     carried up to 2026-11-20T23:40:00.000Z (3 m ago): 4 of 10 tasks', carry],
    ['carried     nothing carried yet', { ...carry, upTo: null, ageMs: null }],
    ['carried     everything carried (10 of 10 tasks)', { ...carry, tasks: 10, complete: true }],
    [
      'carried     this is a copy as of 2026-11-20T23:40:00.000Z (3 m ago); the job lives in the spool /scratch/me/.slurmctl/spool (login1)',
      { ...carry, seenFrom: 'copy' },
    ],
  ] as const)('says %s', async (line, shown) => {
    expect(await carriedLines(shown)).toEqual([line]);
  });

  it('says what the last carry stumbled over', async () => {
    expect(await carriedLines({ ...carry, problem })).toHaveLength(2);
    expect((await carriedLines({ ...carry, problem }))[1]).toBe(`            last try: ${problem}`);
  });
});

it('what the copy lacks is said by status, and after the carry', async () => {
  const lacking = { ...carry, notes: ['task 000003: what a retry left alone is not carried: x is missing'] };
  expect((await carriedLines(lacking))[1]?.trim()).toContain('task 000003: what a retry left alone');
  const app = { advance: async () => ({ ...advanced, carry: lacking }) };
  const { code, stderr } = await runInProcess(['advance', JOB], { app });
  expect(code).toBe(0);
  expect(stderr).toContain(`warning: the copy of job ${JOB}: task 000003: what a retry left alone is not carried`);
});

describe('a carry that did not come to its end', () => {
  it('is a warning and no other exit code', async () => {
    const { code, stderr } = await runInProcess(['advance', JOB], {
      app: { advance: async () => ({ ...advanced, carry: { ...carry, problem } }) },
    });
    expect(code).toBe(0);
    expect(stderr).toContain(`warning: not everything of job ${JOB} was carried: ${problem}`);
    expect(stderr).toContain(`the next slurmctl advance ${JOB} carries the rest`);
  });

  it('is told after submit, and by tick for each job with what could not be looked at', async () => {
    const after = await runInProcess(['submit', 'job.yaml'], {
      app: { submit: async () => ({ ...submitted, carry: { ...carry, problem } }) },
    });
    expect(after.stdout).toBe(`${JOB}\n`);
    expect(after.stderr).toContain('warning: not everything');
    const document: TickDocument = {
      schema: 'slurmctl.tick/1',
      jobs: [{ ...advanced, error: null, carry: { ...carry, problem } }],
      notes: ['only the jobs of the spool were advanced: no answer'],
    };
    const tick = await runInProcess(['tick'], { app: { tick: async () => document } });
    expect(tick.code).toBe(0);
    expect(tick.stderr).toContain('warning: not everything');
    expect(tick.stderr).toContain('only the jobs of the spool were advanced');
  });

  it('is not mentioned when there was none', async () => {
    const { stderr } = await runInProcess(['advance', JOB], { app: { advance: async () => ({ ...advanced, carry }) } });
    expect(stderr).not.toContain('warning');
  });
});
