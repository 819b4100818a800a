import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duration, percent, rate } from '../../../../src/observe/dashboard/format.ts';
import { ticksUpTo, timeTicks, wholeTicksUpTo } from '../../../../src/observe/dashboard/scale.ts';

describe('axes', () => {
  it('have round values', () => {
    expect(ticksUpTo(10_000_000, 5)).toEqual([0, 2e6, 4e6, 6e6, 8e6, 1e7]);
    expect(ticksUpTo(0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticksUpTo(0, 3)).toEqual([0, 1]);
    expect(wholeTicksUpTo(1, 4)).toEqual([0, 1]);
  });

  it('reach to the end in few steps, whatever the end is', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), fc.integer({ min: 2, max: 9 }), (max, most) => {
        const ticks = ticksUpTo(max, most);
        expect(ticks[0]).toBe(0);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(max * (1 - 1e-9));
        expect(ticks.length).toBeLessThanOrEqual(most + 2);
        expect(ticks).toEqual(ticks.toSorted((a, b) => a - b));
      }),
    );
  });

  it('of time have few labels, all of them within', () => {
    const span = fc.double({ min: 2, max: 400 * 86_400_000, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2e12 }), span, (fromMs, length) => {
        const ticks = timeTicks(fromMs, fromMs + length, 8);
        expect(ticks.length).toBeLessThanOrEqual(9);
        for (const { ms } of ticks) expect(ms).toBeGreaterThanOrEqual(fromMs);
        for (const { ms } of ticks) expect(ms).toBeLessThanOrEqual(fromMs + length);
        expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
      }),
    );
  });
});

describe('figures', () => {
  it('say 100 % only of all', () => {
    expect(percent(9_999_999, 10_000_000)).toBe('99 %');
    expect(percent(10, 10)).toBe('100 %');
    expect(percent(1, 10_000_000)).toBe('0.1 %');
    expect(percent(0, 0)).toBe('0 %');
  });
  it('are short', () => {
    expect([0.123, 9.4, 850, 4_250, 83_000].map(duration)).toEqual([
      '0.12 ms',
      '9.4 ms',
      '850 ms',
      '4.3 s',
      '1 m 23 s',
    ]);
    expect([0.0213, 12.34, 1_234.5].map(rate)).toEqual(['0.021/s', '12/s', '1,235/s']);
  });
});
