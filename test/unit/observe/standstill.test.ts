import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { standstill, type StandstillFacts } from '../../../src/observe/standstill.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const TASKS = { total: 10, pending: 2, submitted: 3, running: 1, wait: 0, done: 4, dead: 0, cancelled: 0 };
const JOB = { id: 'licences-7k3f9q2m', state: 'RUNNING', reason: null, scheduler: 'slurm' } as const;
const CALM: StandstillFacts = { job: JOB, tasks: TASKS, waits: [], retries: [], heldBack: [] };
const why = (more: Partial<StandstillFacts>) => standstill({ ...CALM, ...more }, NOW);
const kinds = (more: Partial<StandstillFacts>) => why(more).map(({ kind }) => kind);

describe('why a job is not running', () => {
  it('a pause is said alone, with who did it and how it ends', () => {
    expect(why({ job: { ...JOB, state: 'PAUSED', reason: 'the file server moves (ada)' }, waits: [LIMIT] })).toEqual([
      {
        kind: 'paused',
        says: 'the job is paused: the file server moves (ada)',
        waiting: null,
        until: null,
        inMs: null,
        todo: 'slurmctl resume licences-7k3f9q2m',
      },
    ]);
    for (const reason of ['paused: lunch (ada@n1)', 'paused (ada@n1)'])
      expect(why({ job: { ...JOB, state: 'PAUSED', reason } })[0]?.says).toBe(`the job is ${reason}`);
  });

  it('so are the turn of another job, the splitting of the input, and the merge', () => {
    const turn = { group: 'nightly', max: 1, place: 2, holders: [{ job: 'other-11111111' }] };
    expect(why({ turn })).toMatchObject([
      {
        kind: 'turn',
        says: 'its group nightly runs one job at a time, and other-11111111 has the turn; it is number 2 in the line',
        todo: 'slurmctl status other-11111111 says how long that takes',
      },
    ]);
    expect(why({ turn: { ...turn, place: null, holders: [] } })[0]?.todo).toBe(`slurmctl advance ${JOB.id}`);
    expect(kinds({ turn: { ...turn, place: 0 } })).toEqual(['elements']);
    const none = { ...TASKS, total: 0, pending: 0, submitted: 0, running: 0, done: 0 };
    expect(kinds({ job: { ...JOB, state: 'SUBMITTING' }, tasks: none })).toEqual(['splitting']);
    expect(kinds({ job: { ...JOB, state: 'AGGREGATING' } })).toEqual(['merging']);
  });

  it('what keeps parts of it is said side by side, each with when it ends', () => {
    const found = why({
      job: { ...JOB, reason: '50 of 50 submitted jobs are in the queue' },
      queue: { waiting: [{ reason: 'Priority', elements: 3, says: 'others are ahead', todo: null }] },
      waits: [LIMIT],
      retries: [
        { cause: 'oom', tasks: 3, undecided: 1, firstAt: '2026-11-21T12:01:00.000Z', firstInMs: 60_000 },
        { cause: 'quota-spent', tasks: 1, undecided: 0, firstAt: '2026-11-22T00:00:00.000Z', firstInMs: 43_200_000 },
      ],
      heldBack: [
        { cause: 'disk-full', tasks: 40, canary: null, nextAt: '2026-11-21T12:00:30.000Z' },
        { cause: 'oom', tasks: 1, canary: '000007', nextAt: null },
      ],
    });
    expect(found.map(({ kind, waiting, inMs }) => [kind, waiting, inMs])).toEqual([
      ['sending', 2, null],
      ['queue', 3, null],
      ['limit', 38, 12_000],
      ['undecided', 1, null],
      ['backoff', 2, 60_000],
      ['quota', 1, 43_200_000],
      ['breaker', 40, 30_000],
      ['breaker', 1, null],
    ]);
    expect(found[1]?.says).toBe('3 array elements in the queue of Slurm: others are ahead (Priority)');
    expect(found[7]?.says).toContain('task 000007 tries');
  });

  it('tasks that nothing holds are not sent yet, or wait for elements', () => {
    expect(why({ tasks: { ...TASKS, submitted: 0, running: 0 } })[0]).toMatchObject({
      kind: 'sending',
      todo: `slurmctl advance ${JOB.id}`,
    });
    expect(why({ tasks: { ...TASKS, running: 0 } })[0]?.says).toContain('Slurm has started no element yet');
    const local = { ...JOB, scheduler: 'local' } as const;
    expect(why({ job: local, tasks: { ...TASKS, running: 0 } })[0]?.says).toContain('or has no CPU');
    expect(why({})[0]?.says).toContain('each takes one task after the other');
    expect(why({ tasks: { ...TASKS, pending: 0, submitted: 0 } })).toEqual([]);
  });

  it('a live job with tasks to begin always has an answer, one that has ended never', () => {
    const some = fc.nat(3);
    const tasks = fc.record({
      pending: some,
      submitted: some,
      running: some,
      wait: some,
      done: some,
      dead: some,
      cancelled: some,
    });
    const state = fc.constantFrom('RUNNING', 'PAUSED', 'SUBMITTING', 'AGGREGATING', 'COMPLETED', 'CANCELLED');
    fc.assert(
      fc.property(tasks, state, fc.option(fc.constant('the queue is full')), (counts, is, reason) => {
        const total = Object.values(counts).reduce((sum, value) => sum + value, 0);
        const found = why({ job: { ...JOB, state: is, reason }, tasks: { ...counts, total } });
        const isOver = is === 'COMPLETED' || is === 'CANCELLED';
        expect(found.length > 0 || isOver || counts.pending + counts.submitted === 0).toBe(true);
        if (isOver) expect(found).toEqual([]);
        for (const { says } of found) expect(says).not.toMatch(/undefined|\bnull\b/);
      }),
    );
  });
});

const LIMIT = {
  kind: 'limit',
  name: 'openai',
  tasks: 38,
  nextAt: '2026-11-21T12:00:12.000Z',
  nextInMs: 12_000,
} as const;
