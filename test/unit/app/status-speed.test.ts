import { describe, expect, it } from 'vitest';
import { speed } from '../../../src/app/status-document.ts';
import type { JobState } from '../../../src/domain/states.ts';

const of = (state: JobState, pending = 0) => {
  const items = { total: 40, succeeded: 10, failed: 30 - pending, pending };
  const meta = { state, createdMs: 1_000, updatedMs: 11_000, ...(pending === 0 ? { finishedMs: 11_000 } : {}) };
  return speed({ meta, items } as unknown as Parameters<typeof speed>[0], 11_000);
};

describe('speed', () => {
  it('is the mean over the life of the job, and says what is left while something is', () => {
    expect(of('COMPLETED')).toEqual({ itemsPerSec: 4, etaMs: null });
    expect(of('RUNNING', 20)).toEqual({ itemsPerSec: 2, etaMs: 10_000 });
  });

  it('is not known of a cancelled job, where items count as failed that nobody came to', () => {
    expect(of('CANCELLED')).toEqual({ itemsPerSec: null, etaMs: null });
  });
});
