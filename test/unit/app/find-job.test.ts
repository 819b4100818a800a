import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findJob } from '../../../src/app/find-job.ts';
import { createFsStateTable } from '../../../src/backends/state-table/fs.ts';
import { asJobId } from '../../../src/domain/ids.ts';
import { jobIndexKey } from '../../../src/domain/state-keys.ts';
import { createManualClock } from '../../support/manual-clock.ts';
import { createSeededIds } from '../../support/seeded-random.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const dir = makeTempDir();
afterAll(dir.remove);

const open = (name: string) =>
  createFsStateTable({
    root: `${dir.path}/${name}`,
    ids: createSeededIds(1),
    clock: createManualClock(),
    fsync: false,
  });
const table = open('state');

/** Oldest first. */
const JOBS = [
  ['embed-22222222', 'embed'],
  ['embed-33333333', 'embed'],
  ['score-44444444', 'score'],
  // A job may be called as another one's id begins.
  ['other-55555555', 'score-4'],
] as const;

beforeAll(async () => {
  for (const [index, [id, name]] of JOBS.entries())
    await table.write(
      jobIndexKey(asJobId(id)),
      { set: { name, createdMs: index, live: false } },
      { op: 'item-absent' },
    );
});

describe('a job is named by', () => {
  it.each([
    ['its id', 'embed-22222222', 'embed-22222222'],
    ['its name, and the newest of that name is meant', 'embed', 'embed-33333333'],
    ['a unique prefix of its id', 'embed-2', 'embed-22222222'],
    ['@last', '@last', 'other-55555555'],
    ['a name rather than a prefix when it is both', 'score-4', 'other-55555555'],
  ])('%s', async (_what, reference, id) => {
    expect((await findJob(table, reference)).id).toBe(id);
  });
});

describe('a job that cannot be found', () => {
  it('by a prefix of several says which', async () => {
    await expect(findJob(table, 'embed-')).rejects.toMatchObject({
      code: 'JOB_AMBIGUOUS',
      exitCode: 4,
      message: '2 jobs start with "embed-": embed-33333333, embed-22222222',
    });
  });

  it('by a near miss says what may have been meant', async () => {
    await expect(findJob(table, 'embet')).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
      exitCode: 4,
      message: expect.stringContaining(table.rootUrl) as string,
      hint: 'Did you mean embed? List all with: slurmctl list --all',
    });
  });

  it.each(['last', '@lst', '@latst'])('by %j is told of @last', async (reference) => {
    await expect(findJob(table, reference)).rejects.toMatchObject({
      hint: 'Did you mean @last? List all with: slurmctl list --all',
    });
  });

  it.each(['', 'nothing-like-it'])('by %j sends to the list', async (reference) => {
    await expect(findJob(table, reference)).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
      hint: 'List the jobs with: slurmctl list --all',
    });
  });

  it('because there is none says how to get one', async () => {
    await expect(findJob(open('empty'), '@last')).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
      hint: expect.stringContaining('slurmctl submit') as string,
    });
  });
});
