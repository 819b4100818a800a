import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQuotaCalendar } from '../../../src/limiter/quota-window.ts';

const at = (text: string): number => Date.parse(text);
const windowOf = (every: 'hour' | 'day' | 'month', zone: string, moment: string): [string, string] => {
  const { fromMs, toMs } = createQuotaCalendar().windowAt(every, zone, at(moment));
  return [new Date(fromMs).toISOString(), new Date(toMs).toISOString()].map((text) => text.slice(0, 16)) as [
    string,
    string,
  ];
};

describe('the window of a quota', () => {
  it.each([
    ['hour', 'UTC', '2024-05-05T10:59:59.999Z', '2024-05-05T10:00', '2024-05-05T11:00'],
    ['hour', 'Asia/Kolkata', '2024-05-05T10:10:00Z', '2024-05-05T09:30', '2024-05-05T10:30'],
    ['day', 'UTC', '2024-02-29T00:00:00Z', '2024-02-29T00:00', '2024-03-01T00:00'],
    ['day', 'America/Los_Angeles', '2024-05-05T03:00:00Z', '2024-05-04T07:00', '2024-05-05T07:00'],
    ['month', 'UTC', '2024-02-29T12:00:00Z', '2024-02-01T00:00', '2024-03-01T00:00'],
    ['month', 'Europe/Berlin', '2024-03-31T21:59:00Z', '2024-02-29T23:00', '2024-03-31T22:00'],
  ] as const)('%s in %s at %s', (every, zone, moment, from, to) => {
    expect(windowOf(every, zone, moment)).toEqual([from, to]);
  });

  it('is as long as the day is when the clocks change', () => {
    expect(windowOf('day', 'Europe/Berlin', '2024-03-31T12:00:00Z')).toEqual(['2024-03-30T23:00', '2024-03-31T22:00']);
    expect(windowOf('day', 'Europe/Berlin', '2024-10-27T12:00:00Z')).toEqual(['2024-10-26T22:00', '2024-10-27T23:00']);
    // Midnight does not exist on this day.
    expect(windowOf('day', 'America/Sao_Paulo', '2018-11-04T12:00:00Z')).toEqual([
      '2018-11-04T03:00',
      '2018-11-05T02:00',
    ]);
    // Nor does the whole day before this one.
    expect(windowOf('day', 'Pacific/Apia', '2011-12-31T09:00:00Z')).toEqual(['2011-12-30T10:00', '2011-12-31T10:00']);
  });

  it('counts an hour that the clocks repeat as two, and half an hour that they skip as none', () => {
    expect(windowOf('hour', 'Europe/Berlin', '2024-10-27T00:30:00Z')).toEqual(['2024-10-27T00:00', '2024-10-27T01:00']);
    expect(windowOf('hour', 'Europe/Berlin', '2024-10-27T01:30:00Z')).toEqual(['2024-10-27T01:00', '2024-10-27T02:00']);
    expect(windowOf('hour', 'Australia/Lord_Howe', '2024-10-05T15:40:00Z')).toEqual([
      '2024-10-05T15:30',
      '2024-10-05T16:00',
    ]);
  });

  it('holds its moment, and the next one begins where it ends', () => {
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe');
    const moments = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2030-01-01T00:00:00Z') });
    fc.assert(
      fc.property(fc.constantFrom('hour', 'day', 'month'), zones, moments, (every, zone, moment) => {
        const calendar = createQuotaCalendar();
        const window = calendar.windowAt(every, zone, moment);
        expect(window.fromMs).toBeLessThanOrEqual(moment);
        expect(window.toMs).toBeGreaterThan(moment);
        expect(calendar.windowAt(every, zone, window.toMs).fromMs).toBe(window.toMs);
        expect(createQuotaCalendar().windowAt(every, zone, window.fromMs)).toEqual(window);
        expect(createQuotaCalendar().windowAt(every, zone, window.toMs - 1)).toEqual(window);
      }),
      { numRuns: 60 },
    );
  });
});
