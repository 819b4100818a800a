import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recentOf, trendOf, withPoint, type Left } from '../../../../src/observe/health/space-trend.ts';
import type { SpacePoint } from '../../../../src/ports/space-memory.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOW = 1_700_000_000_000;

const point = (atMs: number, freeBytes = 1): SpacePoint => ({ atMs, freeBytes, freeInodes: null });
/** One look an hour. */
const hourly = (...left: readonly number[]): Left[] => left.map((each, n) => ({ atMs: NOW + n * HOUR, left: each }));

describe('what is remembered', () => {
  it('is a handful of points of the last days, whatever came', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 * HOUR }), { maxLength: 150 }), (gaps) => {
        let points: readonly SpacePoint[] = [];
        let atMs = NOW;
        for (const gap of gaps) {
          atMs += gap;
          points = withPoint(points, point(atMs));
          expect(points.length).toBeLessThanOrEqual(24);
          const times = points.map((each) => each.atMs);
          expect(times).toEqual(times.toSorted((a, b) => a - b));
          for (const [n, time] of times.entries())
            if (n > 0) expect(time - (times[n - 1] ?? 0)).toBeGreaterThanOrEqual(10 * MINUTE);
          expect(atMs - (times.at(-1) ?? 0)).toBeLessThan(10 * MINUTE);
          expect(recentOf(points, atMs + 1)).toEqual(points.filter((each) => atMs + 1 - each.atMs <= 3 * DAY));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('covers the days evenly where a look comes every ten minutes', () => {
    let points: readonly SpacePoint[] = [];
    for (let n = 0; n < 6 * 24 * 3; n += 1) points = withPoint(points, point(NOW + n * 10 * MINUTE));
    const gaps = points.slice(1).map(({ atMs }, n) => atMs - (points[n]?.atMs ?? 0));
    expect(points[0]?.atMs).toBe(NOW);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(8 * HOUR);
  });

  it('is nothing of a clock that was ahead', () => {
    expect(withPoint([point(NOW + DAY)], point(NOW))).toEqual([point(NOW)]);
  });
});

describe('the trend', () => {
  it('of a steady loss is when nothing is left', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3, max: 24 }),
        fc.integer({ min: 1, max: 1e12 }),
        fc.integer({ min: 1, max: 20 }),
        (count, pace, hoursLeft) => {
          const left = Array.from({ length: count }, (_, n) => pace * (hoursLeft + count - 1 - n));
          expect(trendOf(hourly(...left))).toEqual({
            overMs: (count - 1) * HOUR,
            fullInMs: expect.closeTo(hoursLeft * HOUR, 0) as number,
          });
        },
      ),
    );
  });

  it('is none where nothing is less than at the beginning, whatever was between', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e12), { maxLength: 24 }), fc.nat(1e12), (between, first) => {
        expect(trendOf(hourly(first, ...between, Math.max(first, ...between)))).toBeNull();
      }),
    );
  });

  it('does not go by one look that is out of line', () => {
    const steady = [100, 99, 98, 97, 96, 95, 94, 93, 92];
    const expected = trendOf(hourly(...steady))?.fullInMs ?? 0;
    for (let n = 1; n < steady.length - 1; n += 1)
      expect(trendOf(hourly(...steady.with(n, 60)))?.fullInMs ?? expected).toBeGreaterThan(expected / 2);
  });

  it('is quiet under an hour, with two looks, and without a loss', () => {
    const minutes = (gap: number, ...left: readonly number[]) =>
      left.map((each, n) => ({ atMs: NOW + n * gap * MINUTE, left: each }));
    expect(trendOf(minutes(29, 100, 90, 80))).toBeNull();
    expect(trendOf(minutes(30, 100, 90, 80))).toEqual({ overMs: HOUR, fullInMs: 4 * HOUR });
    expect(trendOf(hourly(100, 50))).toBeNull();
    expect(trendOf([])).toBeNull();
    expect(trendOf(hourly(50, 50, 50))).toBeNull();
  });

  it('is believed for a day after an hour, and longer when it was seen for longer', () => {
    expect(trendOf(hourly(1_000, 990, 980))).toBeNull();
    expect(trendOf(hourly(1_000, 990, 980, 970, 960))?.fullInMs).toBe(96 * HOUR);
  });

  it('begins anew when space is freed, and goes on over what is little of it', () => {
    expect(trendOf(hourly(100, 90, 80, 70, 95))).toBeNull();
    expect(trendOf(hourly(100, 90, 80, 70, 95, 90, 85))).toEqual({ overMs: 2 * HOUR, fullInMs: 17 * HOUR });
    expect(trendOf(hourly(100, 90, 80, 70, 72, 62, 52))).toMatchObject({ overMs: 6 * HOUR });
  });
});
