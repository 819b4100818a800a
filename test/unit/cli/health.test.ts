import { describe, expect, it } from 'vitest';
import type { HealthDocument } from '../../../src/app/health-documents.ts';
import { JOB } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const WELL: HealthDocument = {
  schema: 'slurmctl.health/1',
  verdict: 'ok',
  at: '2026-11-20T23:31:05.000Z',
  jobs: 3,
  findings: [],
  notes: [],
};
const STALE = {
  check: 'stale-lease',
  verdict: 'warn',
  jobId: JOB,
  found: 'process 7 on n\u001b[2J died',
  remedy: `slurmctl advance ${JOB}`,
} as const;
const FULL = {
  check: 'space',
  verdict: 'fail',
  jobId: null,
  found: '1.0 MiB left for /scratch',
  remedy: 'slurmctl gc --dry-run',
} as const;

const run = (document: HealthDocument, ...argv: string[]) =>
  runInProcess(['health', '--no-color', ...argv], { app: { health: async () => document } });

describe('health', () => {
  it('says so when nothing is wrong', async () => {
    expect(await run(WELL)).toMatchObject({ code: 0, stdout: 'ok    3 jobs looked at\n', stderr: '' });
  });

  it('says what is wrong and what to do, and ends with 3', async () => {
    const document: HealthDocument = { ...WELL, verdict: 'fail', findings: [FULL, STALE], notes: ['a note'] };
    const { code, stdout, stderr } = await run(document);
    expect(stdout).toBe(
      'fail  space  1.0 MiB left for /scratch\n' +
        '      → slurmctl gc --dry-run\n' +
        `warn  stale-lease  ${JOB}: process 7 on n\\x1b[2J died\n` +
        `      → slurmctl advance ${JOB}\n`,
    );
    expect({ code, stderr }).toEqual({ code: 3, stderr: 'a note\n' });
  });

  it('ends with 3 for warnings only where that is wanted', async () => {
    const document: HealthDocument = { ...WELL, verdict: 'warn', findings: [STALE] };
    expect((await run(document)).code).toBe(0);
    expect((await run(document, '--strict')).code).toBe(3);
    expect((await run(WELL, '--strict')).code).toBe(0);
  });

  it('is a document with --json', async () => {
    const document: HealthDocument = { ...WELL, verdict: 'warn', findings: [STALE] };
    expect(JSON.parse((await run(document, '--json')).stdout)).toEqual(document);
  });
});
