import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatDuration, parseBytes, parseDurationMs, parsePercent } from '../../../src/domain/units.ts';

describe('durations', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['10m', 600_000],
    ['10min', 600_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    [' 1h 30m ', 5_400_000],
    ['0s', 0],
  ])('reads %s', (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  it.each([
    '',
    ' ',
    '30',
    '30 seconds',
    's',
    '-1s',
    '1s2',
    '1..2s',
    '01:30:00',
    '1e3s',
    'Infinity',
    '99999999999999999d',
    '30S',
  ])('refuses %j', (text) => expect(parseDurationMs(text)).toBeNull());

  it('adds what is written together, in any order', () => {
    const amounts = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(999));
    fc.assert(
      fc.property(amounts, ([d, h, m, s, ms]) => {
        const total = d * 86_400_000 + h * 3_600_000 + m * 60_000 + s * 1_000 + ms;
        expect(parseDurationMs(`${d}d${h}h${m}m${s}s${ms}ms`)).toBe(total);
        expect(parseDurationMs(`${ms}ms${s}s${m}min${h}h${d}d`)).toBe(total);
      }),
    );
  });

  it('come back from their formatted text within what it leaves out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 365 * 86_400_000 }), (ms) => {
        const back = parseDurationMs(formatDuration(ms)) as number;
        // Two units are shown: seconds up to an hour, minutes up to a day, hours beyond.
        const leftOut = ms < 1_000 ? 0 : ms < 3_599_500 ? 500 : ms < 86_399_500 ? 60_000 : 3_600_000;
        expect(Math.abs(back - ms)).toBeLessThanOrEqual(leftOut);
      }),
    );
  });

  it.each([
    [0, '0 ms'],
    [850, '850 ms'],
    [12_000, '12 s'],
    [59_999, '1 m'],
    [200_000, '3 m 20 s'],
    [7_500_000, '2 h 5 m'],
    [86_400_000, '1 d'],
    [356_400_000, '4 d 3 h'],
  ])('shows %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

describe('sizes', () => {
  it.each([
    ['100B', 100],
    ['512K', 524_288],
    ['512kb', 524_288],
    ['16MiB', 16 * 1024 ** 2],
    ['1.5GB', 1.5 * 1024 ** 3],
    ['2 G', 2 * 1024 ** 3],
    ['1T', 1024 ** 4],
    ['0M', 0],
  ])('reads %s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(['', '100', 'G', '-1G', '1P', '1 GG', '1iB', '1e3M', '99999999T', '0x10K'])('refuses %j', (text) =>
    expect(parseBytes(text)).toBeNull(),
  );

  it('come back from their formatted text within half a shown step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1024 ** 5 }), (bytes) => {
        const back = parseBytes(formatBytes(bytes)) as number;
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes < 1_024 ? 0 : bytes * 0.051);
      }),
    );
  });
});

describe('percentages', () => {
  it.each([
    ['1%', 1],
    ['0.5 %', 0.5],
    ['100%', 100],
    ['0%', 0],
  ])('reads %s', (text, percent) => expect(parsePercent(text)).toBe(percent));
  it.each(['', '1', '101%', '-1%', '%', '1%%', 'NaN%'])('refuses %j', (text) => expect(parsePercent(text)).toBeNull());
});

describe('any text', () => {
  it('is read or refused, never thrown at, and never read as a negative or infinite amount', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.smhdKMGTiB% -]{0,12}$/));
    fc.assert(
      fc.property(text, (each) => {
        for (const value of [parseDurationMs(each), parseBytes(each), parsePercent(each)])
          expect(value === null || (Number.isFinite(value) && value >= 0)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
