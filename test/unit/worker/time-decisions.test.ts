import { describe, expect, it } from 'vitest';
import { mayClaim } from '../../../src/worker/claim-window.ts';
import { drainCause, drainGraceMs } from '../../../src/worker/drain-plan.ts';

const MIN = 60_000;

describe('mayClaim', () => {
  const base = { nowMs: 0, endsAtMs: 30 * MIN, timeMs: 30 * MIN, longestTaskMs: null };

  it('always when there is no limit', () =>
    expect(mayClaim({ ...base, endsAtMs: null, longestTaskMs: 1e12 })).toBe(true));
  it('the first task until the warning time', () => {
    expect(mayClaim({ ...base, nowMs: 30 * MIN - 30_001 })).toBe(true);
    expect(mayClaim({ ...base, nowMs: 30 * MIN - 30_000 })).toBe(false);
  });
  it('a one-minute limit can begin at all', () => {
    expect(mayClaim({ nowMs: 2_000, endsAtMs: MIN, timeMs: MIN, longestTaskMs: null })).toBe(true);
    expect(mayClaim({ nowMs: 55_000, endsAtMs: MIN, timeMs: MIN, longestTaskMs: null })).toBe(false);
  });
  it('a further task only when one a fifth longer than the longest so far would fit with its sealing', () => {
    const longestTaskMs = 10 * MIN;
    expect(mayClaim({ ...base, longestTaskMs, nowMs: 30 * MIN - 12 * MIN - 10_001 })).toBe(true);
    expect(mayClaim({ ...base, longestTaskMs, nowMs: 30 * MIN - 12 * MIN - 10_000 })).toBe(false);
  });
});

describe('drain', () => {
  it('leaves items ten seconds, less when the end is near, and never a negative time', () => {
    const reason = 'drain:time-limit';
    expect(drainGraceMs({ reason, nowMs: 0, endsAtMs: null })).toBe(10_000);
    expect(drainGraceMs({ reason, nowMs: 0, endsAtMs: 300_000 })).toBe(10_000);
    expect(drainGraceMs({ reason, nowMs: 0, endsAtMs: 18_000 })).toBe(3_000);
    expect(drainGraceMs({ reason, nowMs: 0, endsAtMs: 2_000 })).toBe(0);
    expect(drainGraceMs({ reason: 'drain:terminated', nowMs: 0, endsAtMs: 3_600_000 })).toBe(10_000);
  });
  it('names the time limit, or preemption when SIGTERM comes long before it', () => {
    expect(drainCause({ reason: 'drain:time-limit', nowMs: 0, endsAtMs: 300_000 })).toBe('time-limit');
    expect(drainCause({ reason: 'drain:terminated', nowMs: 0, endsAtMs: 30_000 })).toBe('time-limit');
    expect(drainCause({ reason: 'drain:terminated', nowMs: 0, endsAtMs: 300_000 })).toBe('preempted');
    expect(drainCause({ reason: 'drain:terminated', nowMs: 0, endsAtMs: null })).toBe('preempted');
  });
});
