import { describe, expect, it } from 'vitest';
import type { JobId } from '../../../../src/domain/ids.ts';
import type { JobMeta, SubmissionItem } from '../../../../src/domain/job-item.ts';
import { isNews, judgeJob, type JobHealthFacts } from '../../../../src/observe/health/judge-job.ts';
import type { TaskHealth } from '../../../../src/observe/health/task-health.ts';
import type { QueuedSubmission } from '../../../../src/ports/batch-system.ts';

const MINUTE = 60_000;
const NOW = 1_700_000_000_000;
const JOB = 'demo-00000000' as JobId;
const META: JobMeta = {
  state: 'RUNNING',
  stage: 'ready',
  name: 'demo',
  createdMs: NOW - 600 * MINUTE,
  updatedMs: NOW - 42 * MINUTE,
  generation: 0,
  specHash: '',
  scheduler: 'slurm',
  fence: 1,
  tasks: 4,
  items: 40,
  shards: 1,
  wave: 0,
  submittedWave: 0,
};
const TASKS: TaskHealth = {
  total: 4,
  unfinished: 2,
  running: 0,
  heardMs: 0,
  lastSignMs: NOW - 45 * MINUTE,
  nextDueMs: null,
  dead: 0,
  deadCauses: [],
  quarantinedItems: 0,
};
const ARRAY: SubmissionItem = {
  state: 'SUBMITTED',
  kind: 'array',
  jobName: `${JOB}.x`,
  wave: 0,
  elements: 4,
  offset: 0,
  waveElements: 4,
  createdMs: NOW - 90 * MINUTE,
  submittedMs: NOW - 90 * MINUTE,
  handle: '7',
};
const FINALISER: SubmissionItem = { ...ARRAY, kind: 'finaliser', handle: '8', elements: 1, waveElements: 1 };

const queued = (id: string, waiting: number, running: number, reason?: string): QueuedSubmission => ({
  handle: { id },
  name: `${JOB}.x`,
  waiting,
  running,
  reasons: reason === undefined ? [] : [{ reason, elements: waiting }],
});
const queueOf = (...all: readonly QueuedSubmission[]) => new Map(all.map((one) => [one.handle.id, one]));
const judge = (facts: Partial<JobHealthFacts> = {}) =>
  judgeJob({
    job: JOB,
    meta: META,
    nowMs: NOW,
    tasks: TASKS,
    submissions: [ARRAY, FINALISER],
    queue: queueOf(),
    breakerDueMs: null,
    holder: null,
    ...facts,
  });
const checks = (facts: Partial<JobHealthFacts>): string[] =>
  judge(facts).map(({ check, verdict }) => `${verdict} ${check}`);

describe('a job that stands still', () => {
  it('is stuck when nothing of it is in the queue and nothing has happened for long', () => {
    expect(judge()).toEqual([
      {
        check: 'stuck',
        verdict: 'fail',
        jobId: JOB,
        found: 'RUNNING, 2 tasks of 4 not done; nothing of it waits or runs, and nothing has happened for 42 m',
        remedy: `slurmctl advance ${JOB}`,
      },
    ]);
  });

  it.each<[string, Partial<JobHealthFacts>]>([
    ['an element waits', { queue: queueOf(queued('7', 1, 0)) }],
    ['an element runs', { queue: queueOf(queued('7', 0, 1)) }],
    ['its finaliser runs, which may merge for hours', { queue: queueOf(queued('8', 0, 1)) }],
    ['its finaliser waits for its time', { queue: queueOf(queued('8', 1, 0, 'BeginTime')) }],
    ['its finaliser waits for what it was told to', { queue: queueOf(queued('8', 1, 0, 'Dependency')) }],
    ['it was written a moment ago', { meta: { ...META, updatedMs: NOW - MINUTE } }],
    ['a task was heard of a moment ago', { tasks: { ...TASKS, lastSignMs: NOW - MINUTE } }],
    ['something was sent a moment ago', { submissions: [{ ...ARRAY, submittedMs: NOW - MINUTE }] }],
    ['a retry is not due yet', { tasks: { ...TASKS, nextDueMs: NOW + MINUTE } }],
    ['a breaker is open', { breakerDueMs: NOW + MINUTE }],
    ['it is paused', { meta: { ...META, state: 'PAUSED' } }],
    ['the queue is not known', { queue: null }],
    ['part of it was sent to another cluster', { submissions: [{ ...ARRAY, cluster: 'other' }] }],
  ])('is well while %s', (_, facts) => {
    expect(judge(facts)).toEqual([]);
  });

  it('says what it was waiting for, and how far its submission came', () => {
    const waiting = judge({ meta: { ...META, waitingFor: 'cannot go on: torn' } });
    expect(waiting[0]?.found).toContain('2 tasks of 4 not done, waiting for: cannot go on: torn; nothing');
    const splitting = judge({ meta: { ...META, state: 'SUBMITTING', stage: 'splitting' }, submissions: [] });
    expect(splitting[0]?.found).toContain('its submission stopped (splitting); nothing');
  });

  it('may have somebody at it, as far as its lease goes', () => {
    const [found] = judge({ holder: { owner: 'n5:77:1', isDead: false } });
    expect(found).toMatchObject({
      verdict: 'warn',
      found: expect.stringContaining('process 77 on n5 says it is at it'),
    });
    expect(checks({ holder: { owner: 'n5:77:1', isDead: true } })).toEqual(['fail stuck', 'warn stale-lease']);
  });

  it('is not advanced when its finaliser does not start', () => {
    expect(judge({ queue: queueOf(queued('8', 1, 0, 'QOSMaxJobsPerUserLimit')) })).toEqual([
      {
        check: 'not-advanced',
        verdict: 'warn',
        jobId: JOB,
        found:
          'RUNNING, 2 tasks of 4 not done; its arrays have ended, and its finaliser waits in the queue (QOSMaxJobsPerUserLimit): nothing has happened for 42 m',
        remedy: `slurmctl advance ${JOB}`,
      },
    ]);
  });

  it('of the local scheduler is judged whatever its host is called', () => {
    const meta = { ...META, scheduler: 'local' } as const;
    expect(checks({ meta, submissions: [{ ...ARRAY, cluster: 'login1' }] })).toEqual(['fail stuck']);
  });
});

describe('tasks', () => {
  const silent: TaskHealth = { ...TASKS, running: 2, heardMs: NOW - 25 * MINUTE, lastSignMs: NOW - 25 * MINUTE };

  it('that run and are not heard of are told', () => {
    const queue = queueOf(queued('7', 0, 2));
    expect(judge({ tasks: silent, queue })[0]).toMatchObject({
      check: 'silent',
      verdict: 'warn',
      found: '2 tasks running, and none was heard of for 25 m',
    });
    expect(judge({ tasks: { ...silent, heardMs: NOW - 19 * MINUTE }, queue })).toEqual([]);
  });

  it('that were given up, and items that were put aside, are told with their causes', () => {
    const queue = queueOf(queued('7', 0, 1));
    const tasks: TaskHealth = {
      ...TASKS,
      dead: 3,
      deadCauses: [
        ['oom', 2],
        ['hung', 1],
      ],
      quarantinedItems: 1,
    };
    expect(judge({ tasks, queue })).toEqual([
      {
        check: 'dead-letters',
        verdict: 'warn',
        jobId: JOB,
        found: '3 tasks given up (oom 2, hung 1), 1 item put aside',
        remedy: `slurmctl analyze-errors ${JOB}`,
      },
    ]);
  });
});

describe('a job that is over', () => {
  const over = { ...META, state: 'FAILED', finishedMs: NOW - 30 * MINUTE, reason: '9 of 40 items failed' } as const;

  it('is told when it failed within the last day', () => {
    expect(judge({ meta: over })).toMatchObject([{ check: 'failed', verdict: 'warn', found: '9 of 40 items failed' }]);
    expect(judge({ meta: { ...over, finishedMs: NOW - 25 * 60 * MINUTE } })).toEqual([]);
    expect(judge({ meta: { ...over, state: 'COMPLETED' } })).toEqual([]);
  });

  it('leaves nothing in the queue, but for the moment of its end', () => {
    const meta = { ...over, state: 'CANCELLED' } as const;
    const queue = queueOf(queued('7', 2, 1));
    expect(judge({ meta, queue })).toEqual([
      {
        check: 'left-over',
        verdict: 'fail',
        jobId: JOB,
        found: 'CANCELLED, and 3 of its elements still wait or run',
        remedy: 'scancel 7',
      },
    ]);
    expect(judge({ meta: { ...meta, finishedMs: NOW - MINUTE }, queue })).toEqual([]);
    const ended = [{ ...ARRAY, state: 'ENDED' } as const];
    expect(judge({ meta, queue, submissions: ended })).toHaveLength(1);
  });

  it('is looked at closely for a day, unless it ended well', () => {
    expect(isNews(META, NOW)).toBe(true);
    expect(isNews(over, NOW)).toBe(true);
    expect(isNews({ ...over, state: 'COMPLETED' }, NOW)).toBe(false);
    expect(isNews({ ...over, finishedMs: NOW - 25 * 60 * MINUTE }, NOW)).toBe(false);
  });
});
