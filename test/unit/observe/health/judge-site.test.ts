import { describe, expect, it } from 'vitest';
import { judgeKept, judgeQueue, judgeSpace } from '../../../../src/observe/health/judge-site.ts';

const JOB = 'demo-00000000';
const SUBMISSION = '01arz3ndektsv4rrffq69g5fav';
const queued = (name: string, id = '7', cluster?: string) => ({
  handle: { id, ...(cluster === undefined ? {} : { cluster }) },
  name,
  waiting: 2,
  running: 1,
  reasons: [],
});

describe('the queue', () => {
  it('has orphans: under the name of a job that did not record them', () => {
    const recorded = new Map([[JOB, new Set([`${JOB}.${SUBMISSION}`])]]);
    const other = SUBMISSION.replace('v', 'w');
    const { findings, foreign } = judgeQueue({
      queued: [
        queued(`${JOB}.${SUBMISSION}`),
        queued(`${JOB}.${other}`, '8'),
        queued(`${JOB}.${other}`, '9', 'login1'),
      ],
      recorded,
    });
    expect(foreign).toBe(0);
    expect(findings).toEqual([
      {
        check: 'orphan',
        verdict: 'fail',
        jobId: JOB,
        found: `8 (${JOB}.${other}) is in the queue, 2 waiting and 1 running, and the job did not record it`,
        remedy: 'scancel 8',
      },
      expect.objectContaining({ remedy: `slurmctl advance ${JOB}` }),
    ]);
  });

  it('has what is nobody of ours, and what may be of another home directory', () => {
    const look = {
      queued: [
        queued('bash'),
        queued('my.job'),
        queued(`other-00000000.${SUBMISSION}`),
        queued(`${JOB}.not-a-submission`),
        queued(`spooled-00000000.${SUBMISSION}`),
      ],
      recorded: new Map([['spooled-00000000', null]]),
    };
    expect(judgeQueue(look)).toEqual({ findings: [], foreign: 1 });
  });
});

describe('kept results', () => {
  it('go to their job, as its state wants it', () => {
    const jobs = [
      { job: 'live-00000000', isOver: false },
      { job: 'over-00000000', isOver: true },
      { job: 'gone-00000000', isOver: null },
    ];
    expect(judgeKept({ results: 5, jobs }).map(({ remedy }) => remedy)).toEqual([
      'slurmctl advance live-00000000',
      'slurmctl aggregate over-00000000',
      'slurmctl gc --dry-run',
    ]);
    expect(judgeKept({ results: 0, jobs: [] })).toEqual([]);
  });
});

describe('space', () => {
  const GIB = 1024 ** 3;
  it.each([
    [{ freeBytes: 100 * GIB, freeInodes: 1e6 }, []],
    [{ freeBytes: 100 * GIB, freeInodes: null }, []],
    [{ freeBytes: 9 * GIB, freeInodes: 1e6 }, ['warn']],
    [{ freeBytes: 100 * GIB, freeInodes: 99_999 }, ['warn']],
    [{ freeBytes: GIB - 1, freeInodes: 1e6 }, ['fail']],
    [{ freeBytes: 100 * GIB, freeInodes: 999 }, ['fail']],
    [{ freeBytes: 0, freeInodes: null }, ['fail']],
  ])('%j', (free, verdicts) => {
    expect(judgeSpace([{ path: '/scratch', ...free }]).map(({ verdict }) => verdict)).toEqual(verdicts);
  });

  it('is told with its place', () => {
    expect(judgeSpace([{ path: '/scratch', freeBytes: 2 * GIB, freeInodes: 5_000 }])[0]).toMatchObject({
      jobId: null,
      found: '2.0 GiB and 5000 inodes left for /scratch',
      remedy: 'slurmctl gc --dry-run',
    });
  });
});
