import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byBytes, checkListing } from '../../../../src/backends/probe/listing.ts';

const names = fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 5 }), { minLength: 2, maxLength: 12 });
const verdict = (expected: readonly string[], found: readonly string[]) =>
  checkListing('listing', { expected, found, pages: 2 }).verdict;

describe('a listing', () => {
  it('is right in the order of bytes and in no other', () => {
    fc.assert(
      fc.property(names, fc.nat(), fc.nat(), (expected, a, b) => {
        const sorted = expected.toSorted(byBytes);
        expect(verdict(expected, sorted)).toBe('ok');
        const [i, j] = [a % sorted.length, b % sorted.length];
        if (i === j) return;
        expect(verdict(expected, sorted.with(i, sorted[j] as string).with(j, sorted[i] as string))).toBe('fail');
        expect(verdict(expected, sorted.toSpliced(i, 1))).toBe('fail');
        expect(verdict(expected, sorted.toSpliced(i, 0, sorted[i] as string))).toBe('fail');
        expect(verdict(expected, [...sorted, `${sorted.at(-1)}z`])).toBe('fail');
      }),
    );
  });

  it.each([
    ['that of a dictionary', ['B', 'a', 'b'], ['a', 'B', 'b']],
    ['that of UTF-16', ['\uff5e', '\u{1f600}'], ['\u{1f600}', '\uff5e']],
  ])('is refused in another order: %s', (_, expected, found) => {
    expect(checkListing('listing', { expected, found, pages: 1 })).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('in the order of bytes'),
    });
  });
});
