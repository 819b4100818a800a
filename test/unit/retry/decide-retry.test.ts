import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAUSES, type Cause } from '../../../src/domain/causes.ts';
import { backoffMs } from '../../../src/retry/backoff.ts';
import { MAX_ATTEMPTS_IN_ALL } from '../../../src/domain/task-item.ts';
import { decideRetry } from '../../../src/retry/decide-retry.ts';

const policy = { attempts: 3, backoff: { baseMs: 1_000, maxMs: 60_000 } };
const decide = (cause: Cause, task: { attempts: number; charged: number }) =>
  decideRetry({ task, cause, policy, progressed: false, random: 0.5 });

describe('decideRetry', () => {
  it.each(Object.keys(CAUSES) as Cause[])('decides about %s by who pays', (cause) => {
    const spent = decide(cause, { attempts: 3, charged: 3 });
    const first = decide(cause, { attempts: 1, charged: 1 });
    switch (CAUSES[cause].payer) {
      case 'none':
        expect(first.action).toBe('give-up');
        break;
      case 'user':
        expect(first).toMatchObject({ action: 'retry', refund: false });
        expect(spent).toMatchObject({ action: 'give-up', why: expect.stringContaining('3 attempts') });
        break;
      case 'infra':
        expect(first).toMatchObject({ action: 'retry', refund: true });
        expect(spent).toMatchObject({ action: 'retry', refund: true });
        break;
    }
  });

  it('does not charge a time limit to an attempt that brought the task forward', () => {
    const question = { task: { attempts: 5, charged: 3 }, cause: 'time-limit', policy, random: 0 } as const;
    expect(decideRetry({ ...question, progressed: true })).toMatchObject({ action: 'retry', refund: true });
    expect(decideRetry({ ...question, progressed: false })).toMatchObject({ action: 'give-up' });
  });

  it('ends a task that the infrastructure kills for ever', () => {
    expect(decide('node-fail', { attempts: MAX_ATTEMPTS_IN_ALL, charged: 0 }).action).toBe('give-up');
  });
});

describe('backoffMs', () => {
  it('is below the exponential ceiling and the cap, and a whole number', () => {
    const bounds = fc.record({ baseMs: fc.integer({ min: 0, max: 1e6 }), maxMs: fc.integer({ min: 0, max: 1e8 }) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        bounds,
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (tries, b, random) => {
          const wait = backoffMs(tries, b, random);
          expect(Number.isSafeInteger(wait)).toBe(true);
          expect(wait).toBeLessThanOrEqual(b.maxMs);
          expect(wait).toBeLessThanOrEqual(b.baseMs * 2 ** Math.min(tries - 1, 40));
          expect(wait).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it('grows with the tries', () => {
    const bounds = { baseMs: 1_000, maxMs: 60_000 };
    expect([1, 2, 3, 10].map((tries) => backoffMs(tries, bounds, 0.5))).toEqual([500, 1_000, 2_000, 30_000]);
  });
});
