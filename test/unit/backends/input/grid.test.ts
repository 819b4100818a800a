import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisValues, readGrid } from '../../../../src/backends/input/grid.ts';
import { collectRecords } from '../../../support/input-records.ts';

describe('parameter grid', () => {
  it('is the product, the last axis fastest', async () => {
    const seen = await collectRecords(
      readGrid({ alpha: [0.1, 'x', null], seed: { from: 0, to: 1, step: 1 } }, undefined),
    );
    expect(seen.map(({ json }) => json)).toEqual([
      '{"alpha":0.1,"seed":0}',
      '{"alpha":0.1,"seed":1}',
      '{"alpha":"x","seed":0}',
      '{"alpha":"x","seed":1}',
      '{"alpha":null,"seed":0}',
      '{"alpha":null,"seed":1}',
    ]);
  });

  it('has as many points as the product of its axes, all different', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(sizes, async (counts) => {
        const axes = Object.fromEntries(counts.map((count, axis) => [`a${axis}`, { from: 1, to: count, step: 1 }]));
        const seen = await collectRecords(readGrid(axes, undefined));
        expect(new Set(seen.map(({ json }) => json)).size).toBe(counts.reduce((product, count) => product * count, 1));
      }),
    );
  });

  it.each([
    [{ from: 0, to: 0.3, step: 0.1 }, [0, 0.1, 0.2, 0.3]],
    [{ from: 1, to: 0, step: -0.5 }, [1, 0.5, 0]],
    [{ from: 0, to: 10, step: 4 }, [0, 4, 8]],
    [{ from: 1e-7, to: 3e-7, step: 1e-7 }, [1e-7, 2e-7, 3e-7]],
    [{ from: 5, to: 5, step: 1 }, [5]],
    [{ from: 5, to: 4, step: 1 }, []],
  ])('the range %j has exact values', (range, values) => expect(axisValues('a', range)).toEqual(values));

  it('does not drift over a long range', () => {
    expect(axisValues('a', { from: 0, to: 100, step: 0.1 }).at(-1)).toBe(100);
    expect(axisValues('a', { from: 0, to: 100, step: 0.1 })[777]).toBe(77.7);
  });

  it('refuses a range without end', () => {
    expect(() => axisValues('a', { from: 0, to: 1, step: 0 })).toThrow(
      expect.objectContaining({ code: 'INPUT_MALFORMED' }) as Error,
    );
  });

  it('takes an axis as id', async () => {
    const seen = await collectRecords(readGrid({ seed: [1, 'b', 0.5] }, 'seed'));
    expect(seen.map(({ id, bad }) => [id, bad?.message])).toEqual([
      ['1', undefined],
      ['b', undefined],
      ['', 'id axis "seed" has 0.5, expected a string or an integer'],
    ]);
  });

  it('is empty when an axis is', async () =>
    expect(await collectRecords(readGrid({ a: [1], b: [] }, undefined))).toEqual([]));
});
