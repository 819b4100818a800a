import { describe, expect, it } from 'vitest';
import { laggardLines, leftWords, paceLines, queueLines } from '../../../src/cli/render/pace.ts';
import { finalStatus, runningStatus } from './documents.fixture.ts';

const pace = {
  windowMs: 60_000,
  itemsPerSec: null,
  leftAtLeastMs: null,
  leftAtMostMs: null,
  unknown: 'no task runs at the moment',
} as const;

describe('how long is left', () => {
  const left = (more: Partial<NonNullable<typeof runningStatus.pace>>) =>
    leftWords({ ...runningStatus, pace: { ...pace, unknown: null, itemsPerSec: 1, ...more } });
  it('is a range, one figure where both ends read alike, or the least', () => {
    expect(left({ leftAtLeastMs: 60_000, leftAtMostMs: 600_000 })).toBe('1 m to 10 m left');
    expect(left({ leftAtLeastMs: 60_000, leftAtMostMs: 60_100 })).toBe('about 1 m left');
    expect(left({ leftAtLeastMs: 60_000 })).toBe('at least 1 m left, at most nobody can say: the pace varies too much');
  });
  it('is not made up', () => {
    expect(leftWords({ ...runningStatus, pace })).toBe('how long is left cannot be said: no task runs at the moment');
    expect(leftWords(finalStatus('COMPLETED'))).toBeNull();
    expect(leftWords({ ...runningStatus, pace, items: { ...runningStatus.items, pending: 0 } })).toBeNull();
  });
  it('stands beside the speed of lately, else of all its life', () => {
    expect(paceLines({ ...runningStatus, pace, usage: null })).toEqual([
      ['speed', '12/s, how long is left cannot be said: no task runs at the moment'],
    ]);
    const usage = { ...runningStatus.usage!, cpuShare: null, mostMemoryBytes: null, longestTaskMs: null };
    expect(paceLines({ ...finalStatus('COMPLETED'), usage })).toEqual([
      ['speed', '12/s'],
      ['used', '0.42 CPU-hours so far'],
    ]);
  });
});

describe('the queue', () => {
  const waiting = [1, 2, 3, 4, 5].map((n) => ({
    reason: `R${n}`,
    elements: n,
    says: `s${n}`,
    todo: n === 1 ? 'do' : null,
  }));
  const queue = { askedAt: '2026-11-20T23:31:40.000Z', running: 5, waiting, problem: null };
  it('tells the first reasons with what to do, and adds up the rest', () => {
    expect(queueLines({ queue }).map(([, line]) => line)).toEqual([
      '1 element waits: s1 (R1)',
      '  do',
      '2 elements wait: s2 (R2)',
      '3 elements wait: s3 (R3)',
      '… and 9 elements for other reasons',
      'as Slurm said at 2026-11-20 23:31 UTC',
    ]);
  });
  it('says what it could not ask, and nothing where nothing waits', () => {
    expect(queueLines({ queue: { ...queue, problem: 'down\u0007' } })).toEqual([['queue', 'not known: down\\x07']]);
    expect(queueLines({ queue: { ...queue, waiting: [] } })).toEqual([]);
    expect(queueLines({})).toEqual([]);
  });
});

describe('laggards', () => {
  it('are named with what is wrong', () => {
    const task = {
      task: '000007',
      node: 'n\u202e2',
      runsMs: 95_000,
      silentMs: 190_000,
      done: 4,
      items: 10,
      why: 'silent' as const,
    };
    const tasks = [task, task, task, { ...task, why: 'slow' as const, node: null }];
    const lines = laggardLines({ laggards: { slow: 3, silent: 9, medianMs: null, tasks } });
    expect(lines[0]).toEqual(['stuck', 'task 000007 on n\\u202e2 has said nothing for 3 m 10 s; 4 of 10 items']);
    expect(lines.at(-1)).toEqual(['', '… and 9 more tasks']);
    expect(laggardLines({ laggards: { slow: 1, silent: 0, medianMs: null, tasks: tasks.slice(3) } })).toEqual([
      ['slow', 'task 000007 runs for 1 m 35 s; 4 of 10 items'],
    ]);
    expect(laggardLines({ laggards: null })).toEqual([]);
  });
});
