import { describe, expect, it } from 'vitest';
import { queueProblem, standstillLines } from '../../../src/cli/render/standstill.ts';

const one = { kind: 'backoff', waiting: 2, until: null, inMs: null, todo: null } as const;

describe('why a job is not running, for people', () => {
  it('is a line each, with until when and what to do', () => {
    expect(
      standstillLines([
        { ...one, says: 'no end is known' },
        { ...one, says: '2 tasks are tried again', until: '2026-11-21T12:04:30.000Z', inMs: 40_000 },
        { ...one, says: 'it is due', until: '2026-11-21T12:04:30.000Z', inMs: 0, todo: 'slurmctl advance x' },
      ]),
    ).toEqual([
      'no end is known',
      '2 tasks are tried again; from 2026-11-21 12:04 UTC on (in 40 s)',
      'it is due; due now',
      '  slurmctl advance x',
    ]);
  });

  it('cannot act on the screen', () => {
    const found = standstillLines([{ ...one, says: 'a\u001b[2J\nb', todo: '\u202ex' }]);
    expect(found).toEqual([String.raw`a\x1b[2J\nb`, String.raw`  \u202ex`]);
  });

  it('says what could not be asked', () => {
    const queue = { askedAt: null, running: null, waiting: [], problem: 'squeue did not answer' };
    expect(queueProblem({ queue })).toEqual(['what the queue says is not known: squeue did not answer']);
    expect(queueProblem({ queue: { ...queue, problem: null } })).toEqual([]);
    expect(queueProblem({})).toEqual([]);
  });
});
