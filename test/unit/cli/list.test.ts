import { describe, expect, it } from 'vitest';
import type { ListDocument } from '../../../src/app/documents.ts';
import type { ListRequest } from '../../../src/app/list-request.ts';
import { JOB, runningStatus } from './documents.fixture.ts';
import { runInProcess } from './run-cli.harness.ts';

const row: ListDocument['jobs'][number] = {
  id: JOB,
  name: 'licences',
  state: 'RUNNING',
  reason: null,
  createdAt: '2026-11-20T23:31:05.000Z',
  user: 'ada',
  items: runningStatus.items,
};

/** What the app is asked for, and what is printed of its answer. */
async function ask(args: readonly string[], jobs: ListDocument['jobs'] = [row], more = 0) {
  const asked: ListRequest[] = [];
  const list = async (request: ListRequest): Promise<ListDocument> => {
    asked.push(request);
    return { schema: 'slurmctl.list/1', jobs, more };
  };
  return { ...(await runInProcess(['list', ...args], { app: { list } })), asked };
}

describe('list', () => {
  it('asks for nothing that was not said', async () => {
    expect((await ask([])).asked).toEqual([{ all: false }]);
  });

  it('understands every option', async () => {
    const args = ['--all', '--ended', '--status', 'failed', '--status', 'Completed-With-Failures', '--name', 'e*'];
    const more = ['--user', 'bob', '--since', '2d', '--sort', 'Failed', '--limit', '20'];
    expect((await ask([...args, ...more])).asked).toEqual([
      {
        all: true,
        life: 'ended',
        states: ['FAILED', 'COMPLETED_WITH_FAILURES'],
        name: 'e*',
        user: 'bob',
        since: { agoMs: 172_800_000 },
        sort: 'failed',
        limit: 20,
      },
    ]);
    expect((await ask(['--live', '--since', '2026-11-01'])).asked).toEqual([
      { all: false, life: 'live', since: { atMs: Date.UTC(2026, 10, 1) } },
    ]);
  });

  it.each([
    [['--status', 'done'], 'expected one of SUBMITTING'],
    [['--limit', '0'], 'a whole number from 1 up'],
    [['--sort', 'age'], 'expected created, name'],
    [['--since', 'yesterday'], 'a time such as'],
    [['--live', '--ended'], 'only one can be given'],
  ])('%j is refused', async (args, words) => {
    const { code, stderr, asked } = await ask(args);
    expect({ code, asked }).toEqual({ code: 2, asked: [] });
    expect(stderr).toContain(words);
  });

  it('names people where there are several, and what is left out', async () => {
    const { stdout, stderr } = await ask(['--limit', '2'], [row, { ...row, user: null, name: 'x' }], 7);
    expect(stdout).toMatchInlineSnapshot(`
      "JOB                NAME      USER  STATE    ITEMS  DONE  FAILED  CREATED (UTC)     REASON
      licences-7k3f9q2m  licences  ada   RUNNING  1,000   45%      12  2026-11-20 23:31
      licences-7k3f9q2m  x               RUNNING  1,000   45%      12  2026-11-20 23:31
      "
    `);
    expect(stderr).toBe(`7 more jobs not listed\nnext: slurmctl status ${JOB}\n`);
    expect((await ask([])).stdout).not.toContain('USER');
  });

  it('says that nothing fits', async () => {
    expect((await ask(['--user', 'bob'], [])).stderr).toBe('no job fits; --all looks among older ones too\n');
    expect((await ask(['--user', 'bob', '--all'], [])).stderr).toBe('no job fits\n');
    expect((await ask([], [])).stderr).toContain('see all with');
  });
});
