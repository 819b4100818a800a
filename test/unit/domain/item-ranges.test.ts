import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  countIn,
  coverRanges,
  formatRanges,
  includes,
  numbersIn,
  parseRanges,
  rangesOf,
} from '../../../src/domain/item-ranges.ts';

const numbers = fc.uniqueArray(fc.nat(5_000), { minLength: 1, maxLength: 60 });

describe('item ranges', () => {
  it('are short text for sets of numbers', () => {
    expect(formatRanges(rangesOf([9, 3, 8, 7, 12]))).toBe('3,7-9,12');
    expect(parseRanges(' 7-9 , 3,12,8-10')).toEqual([
      { from: 3, to: 3 },
      { from: 7, to: 10 },
      { from: 12, to: 12 },
    ]);
  });

  it.each(['', '3-', '-3', '9-7', '1,,2', 'a', '1 2', '1.5', '9999999999'])('%j is none', (text) => {
    expect(parseRanges(text)).toBeNull();
  });

  it('come back from their text with every number once', () => {
    fc.assert(
      fc.property(numbers, (set) => {
        const ranges = rangesOf(set);
        expect(parseRanges(formatRanges(ranges))).toEqual(ranges);
        expect([...numbersIn(ranges)]).toEqual(set.toSorted((a, b) => a - b));
        expect(countIn(ranges)).toBe(set.length);
      }),
    );
  });

  it('cover every number in as little text as is asked for', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 9, max: 80 }), (set, chars) => {
        const text = coverRanges(rangesOf(set), chars);
        expect(text.length).toBeLessThanOrEqual(chars);
        const covered = parseRanges(text) ?? [];
        expect(set.every((number) => includes(covered, number))).toBe(true);
      }),
    );
    expect(coverRanges(rangesOf([1, 2, 5, 900, 902]), 7)).toBe('1-902');
  });
});
