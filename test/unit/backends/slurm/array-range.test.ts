import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressIndices, expandIndices } from '../../../../src/backends/batch-system/slurm/array-range.ts';

describe('array ranges', () => {
  it('reads every way Slurm writes them', () => {
    expect(expandIndices('3')).toEqual([3]);
    expect(expandIndices('[3-7,9%2]')).toEqual([3, 4, 5, 6, 7, 9]);
    expect(expandIndices('1-10:3%2')).toEqual([1, 4, 7, 10]);
    expect(expandIndices(' 5,1,5 ')).toEqual([1, 5]);
  });

  it.each(['', 'N/A', '[]', '0-3,...', '[0-3,5...', '7-3', '1-4:0', '-1', '0-99999999', '4000001', 'x', '3-'])(
    'refuses %j',
    (text) => {
      expect(expandIndices(text)).toBeNull();
    },
  );

  it('comes back from compression, in texts no longer than asked', () => {
    const indices = fc.uniqueArray(fc.nat(5_000), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(indices, fc.integer({ min: 9, max: 60 }), (list, maxLength) => {
        const texts = compressIndices(list, maxLength);
        for (const text of texts) expect(text.length).toBeLessThanOrEqual(maxLength);
        const back = texts.flatMap((text) => expandIndices(text) ?? []);
        expect(back.toSorted((a, b) => a - b)).toEqual(list.toSorted((a, b) => a - b));
      }),
    );
    expect(compressIndices([5, 1, 2, 3, 3, 9], 100)).toEqual(['1-3,5,9']);
    expect(compressIndices([], 100)).toEqual([]);
  });
});
