import { describe, expect, it } from 'vitest';
import { createDemand } from '../../../src/limiter/lease-size.ts';
import { createMeanCost } from '../../../src/limiter/mean-cost.ts';

/** `lanes` callers that come back `latencyMs` after each turn, for a while. */
function demandOf(lanes: number, latencyMs: number) {
  let nowMs = 0;
  const demand = createDemand({ monotonicMs: () => nowMs });
  for (let lane = 0; lane < lanes; lane += 1) demand.asked();
  for (let round = 0; round < 30; round += 1) {
    for (let lane = 0; lane < lanes; lane += 1) demand.granted();
    nowMs += latencyMs;
    for (let lane = 0; lane < lanes; lane += 1) demand.asked();
  }
  return demand;
}

describe('how much to buy', () => {
  it('costs 25 writes a second when the process can use so much', () => {
    expect(demandOf(64, 500).leaseCalls(64, 1_000, 5_000)).toBe(40);
    expect(demandOf(64, 500).leaseCalls(64, 20, 5_000)).toBe(1);
  });

  it('is what can be made within the grace, by Little’s law', () => {
    // 0.7 · 1 call · 5 s / 0.5 s.
    expect(demandOf(1, 500).leaseCalls(1, 1_000, 5_000)).toBe(7);
    expect(demandOf(4, 2_000).leaseCalls(4, 1_000, 5_000)).toBe(7);
    expect(demandOf(1, 60_000).leaseCalls(1, 1_000, 5_000)).toBe(1);
    expect(demandOf(1, 0).leaseCalls(1, 1_000, 5_000)).toBe(40);
  });

  it('always suffices for those who wait, up to the share of one purchase', () => {
    expect(demandOf(30, 60_000).leaseCalls(30, 500, 5_000)).toBe(20);
  });

  /** Buyers of one timeline, each of whom buys at its end in turn, at 1,000 calls a second. What each bought in the last round. */
  const rounds = (demands: readonly ReturnType<typeof demandOf>[], tookMs: number, count: number): number[][] => {
    let endMs = 0;
    return Array.from({ length: count }, () =>
      demands.map((demand) => {
        const calls = demand.leaseCalls(64, 1_000, 5_000);
        demand.answered(tookMs, endMs, 100);
        endMs += calls;
        return calls;
      }),
    );
  };

  it('grows with a slow table for whoever is alone, so that slots are longer than purchases', () => {
    const sizes = rounds([demandOf(64, 500)], 100, 30).flat();
    expect(sizes.slice(0, 2)).toEqual([40, 40]);
    // Three purchases and the error.
    expect(sizes.at(-1)).toBeGreaterThan(340);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(400);
  });

  it('does not grow where the turns of others hide how slow the table is', () => {
    const many = Array.from({ length: 40 }, () => demandOf(64, 500));
    expect(rounds(many, 400, 10).flat()).toEqual(Array.from({ length: 400 }, () => 40));
  });
});

describe('the mean cost', () => {
  it('follows the calls, in whole units', () => {
    const mean = createMeanCost();
    expect(mean.mean()).toEqual({});
    mean.note({ requests: 1, tokens: 100 });
    expect(mean.mean()).toEqual({ requests: 1, tokens: 100 });
    for (let call = 0; call < 200; call += 1) mean.note({ requests: 1, tokens: 201 });
    expect(mean.mean()).toEqual({ requests: 1, tokens: 201 });
  });
});
