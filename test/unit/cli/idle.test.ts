import { describe, expect, it } from 'vitest';
import { renderStatus } from '../../../src/cli/render/status.ts';
import { createStyle } from '../../../src/cli/render/style.ts';
import type { StatusDocument } from '../../../src/app/documents.ts';
import { finalStatus, JOB, runningStatus } from './documents.fixture.ts';

const lines = (over: Partial<StatusDocument>): string[] =>
  renderStatus({ ...runningStatus, ...over }, { style: createStyle(false), width: Infinity, flagged: String }).split(
    '\n',
  );
const of = (label: string, over: Partial<StatusDocument>): string[] => {
  const all = lines(over);
  const at = all.findIndex((line) => line.startsWith(label));
  return at < 0 ? [] : all.slice(at, at + 2).map((line) => line.trim());
};

const idle = { ...runningStatus.tasks, running: 0 };
const one = { kind: 'backoff', says: '', waiting: 1, until: null, inMs: null, todo: null } as const;

describe('a job of which nothing runs', () => {
  it('says in a line what most of it waits for, and which command says the rest', () => {
    const standstill = [
      { ...one, says: '1 task is tried again' },
      {
        ...one,
        kind: 'queue',
        waiting: 40,
        says: '40 array elements in the queue',
        until: '2026-11-21T12:00:00.000Z',
        inMs: 60_000,
      },
      { ...one, says: '2 tasks are held back', waiting: 2 },
    ] as const;
    expect(of('not running', { tasks: idle, standstill })).toEqual([
      'not running 40 array elements in the queue; from 2026-11-21 12:00 UTC on (in 1 m); and 2 other reasons',
      `why, until when and what to do: slurmctl explain ${JOB}`,
    ]);
  });

  it('does not say twice what its state says, and nothing where some of it runs or it is over', () => {
    const job = { ...runningStatus.job, reason: 'MaxSubmitJobs is reached' };
    const sending = [{ ...one, kind: 'sending', says: 'MaxSubmitJobs is reached' }] as const;
    expect(of('not running', { tasks: idle, job, standstill: sending })).toEqual([]);
    expect(of('not running', { tasks: idle, standstill: sending })).toHaveLength(2);
    for (const kind of ['paused', 'splitting', 'merging', 'turn'] as const)
      expect(of('not running', { tasks: idle, standstill: [{ ...one, kind, waiting: null }] })).toEqual([]);
    expect(of('not running', {})).toEqual([]);
    expect(of('not running', finalStatus('COMPLETED'))).toEqual([]);
  });
});

describe('what nobody was told', () => {
  it('is on the screen: which channel, since when, why, and what tries it', () => {
    const dead = {
      kind: 'message',
      to: 'team',
      user: 'ada',
      waiting: 3,
      givenUp: 0,
      sinceAt: '2026-11-20T21:31:05.000Z',
      tries: 4,
      nextAt: '2026-11-20T23:40:00.000Z',
      error: 'smtp\u001b[2J: ECONNREFUSED',
      says: 'the channel team cannot be reached, 3 messages wait',
      todo: 'slurmctl alert test team',
    } as const;
    expect(of('alerts', { undelivered: [dead] })).toEqual([
      String.raw`alerts      the channel team cannot be reached, 3 messages wait, since 2026-11-20 21:31 UTC, next try from 2026-11-20 23:40 UTC on: smtp\x1b[2J: ECONNREFUSED`,
      'slurmctl alert test team',
    ]);
    const many = lines({ undelivered: Array.from({ length: 5 }, () => dead) });
    expect(many.filter((line) => line.includes('alert test'))).toHaveLength(3);
    expect(many.some((line) => line.includes('and 2 more recipients: slurmctl alert list'))).toBe(true);
    expect(of('alerts', {})).toEqual([]);
  });
});
