import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mostWorkers } from '../../../src/domain/limit-feed.ts';

const perSec = (amount: number) => ({ amount, perMs: 1_000 });
const requests = (amount: number) => ({ rates: { requests: perSec(amount) } });

it('is what calls a second times seconds a call keep busy, and a fifth more', () => {
  expect(mostWorkers(requests(100), { cost: {}, latencyMs: 500, inFlight: 1 })).toEqual({
    workers: 60,
    callsPerSec: 100,
    unit: 'requests',
  });
  expect(mostWorkers(requests(100), { cost: {}, latencyMs: 500, inFlight: 8 })?.workers).toBe(8);
  expect(mostWorkers(requests(100), { cost: { requests: 4 }, latencyMs: 500, inFlight: 1 })?.workers).toBe(15);
  expect(mostWorkers(requests(100), { cost: {}, latencyMs: 500, inFlight: 1 }, 500_000)?.workers).toBe(30);
});

it('is decided by the unit that is used up first; one that differs from item to item is left out', () => {
  const rates = { requests: perSec(100), tokens: perSec(1_000) };
  expect(mostWorkers({ rates }, { cost: { tokens: 50 }, latencyMs: 1_000, inFlight: 1 })).toMatchObject({
    callsPerSec: 20,
    unit: 'tokens',
  });
  expect(mostWorkers({ rates }, { cost: { tokens: ['n'] }, latencyMs: 1_000, inFlight: 1 })?.unit).toBe('requests');
});

it('is nothing where no rate is about these calls', () => {
  const rates = { tokens: perSec(5) };
  expect(mostWorkers({ rates }, { cost: {}, latencyMs: 1_000, inFlight: 1 })).toBeNull();
  expect(mostWorkers(requests(5), { cost: { requests: 0 }, latencyMs: 1_000, inFlight: 1 })).toBeNull();
});

it('always feeds somebody, and never fewer when there is more to sell or calls take longer', () => {
  const whole = (max: number) => fc.integer({ min: 1, max });
  fc.assert(
    fc.property(whole(1_000_000), whole(600_000), whole(1_024), (amount, latencyMs, inFlight) => {
      const workers = (a: number, ms: number): number =>
        mostWorkers(requests(a), { cost: {}, latencyMs: ms, inFlight })?.workers ?? 0;
      expect(workers(amount, latencyMs)).toBeGreaterThanOrEqual(1);
      expect(workers(amount + 1, latencyMs)).toBeGreaterThanOrEqual(workers(amount, latencyMs));
      expect(workers(amount, latencyMs + 1)).toBeGreaterThanOrEqual(workers(amount, latencyMs));
    }),
  );
});
