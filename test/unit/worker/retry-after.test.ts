import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../../src/worker/retry-after.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const answer = (status: number, retryAfter?: string) => ({
  status,
  headers: new Headers(retryAfter === undefined ? {} : { 'Retry-After': retryAfter }),
});

describe('what a provider asks for', () => {
  it.each([
    ['nothing', undefined, null],
    ['null', null, null],
    ['seconds', 12, 12_000],
    ['a part of a second', 0.0015, 2],
    ['seconds as text', ' 30 ', 30_000],
    ['an HTTP date', 'Sat, 21 Nov 2026 12:00:07 GMT', 7_000],
    ['a date that is past', 'Sat, 21 Nov 2026 11:00:07 GMT', 0],
    ['a Date', new Date(NOW + 1_500), 1_500],
    ['more than a day', 1e300, 86_400_000],
    ['a date in years', 'Sat, 21 Nov 2065 12:00:07 GMT', 86_400_000],
    ['what is no time', 'soon', null],
    ['less than nothing', -1, null],
    ['no number', Number.NaN, null],
    ['no date', new Date('soon'), null],
    ['an answer with seconds', answer(429, '5'), 5_000],
    ['an answer with a date', answer(429, 'Sat, 21 Nov 2026 12:00:07 GMT'), 7_000],
    ['an answer that says nothing', answer(429), null],
    ['an answer that is no refusal', answer(503, '5'), 'other'],
  ] as const)('%s', (_what, said, expected) => {
    expect(retryAfterMs(said, NOW)).toBe(expected);
  });

  it('is a whole number of at least 0 or nothing, whatever is said', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double(), fc.date({ noInvalidDate: false })), (said) => {
        const ms = retryAfterMs(said, NOW);
        expect(ms === null || (Number.isInteger(ms) && (ms as number) >= 0 && (ms as number) <= 86_400_000)).toBe(true);
      }),
    );
  });
});
