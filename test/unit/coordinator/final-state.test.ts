import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { asMerged, finalState } from '../../../src/coordinator/finish-job.ts';

test.each([
  ['what a checkpoint held of a dead task was no failure', 8, 5],
  ['never less than none, whatever commits said', 2, 0],
])('the failures in no group: %s', (_what, failed, ungrouped) => {
  const items = { total: 20, succeeded: 9, failed: 11, pending: 0 };
  expect(asMerged({ items, failures: { groups: [], ungrouped: 8 } }, failed)).toEqual({ groups: [], ungrouped });
});

describe('finalState', () => {
  it.each([
    ['no failure', { total: 100, failed: 0 }, {}, 'COMPLETED'],
    ['any failure without tolerance', { total: 100, failed: 1 }, {}, 'FAILED'],
    ['a count that holds', { total: 100, failed: 3 }, { count: 3 }, 'COMPLETED_WITH_FAILURES'],
    ['a count that does not', { total: 100, failed: 4 }, { count: 3 }, 'FAILED'],
    ['a percentage that holds', { total: 200, failed: 2 }, { percent: 1 }, 'COMPLETED_WITH_FAILURES'],
    ['a percentage that does not', { total: 200, failed: 3 }, { percent: 1 }, 'FAILED'],
    ['two bounds, one broken', { total: 200, failed: 3 }, { percent: 50, count: 2 }, 'FAILED'],
  ] as const)('%s', (_name, counts, tolerate, expected) => {
    expect(finalState(counts, tolerate)).toBe(expected);
  });

  it('takes a percentage with decimals for exactly what it says', () => {
    const share = fc.tuple(fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: 1, max: 10_000 }));
    fc.assert(
      fc.property(share, ([total, hundredths]) => {
        // Whole numbers up to 10^10 are exact.
        const allowed = Math.floor((total * hundredths) / 10_000);
        const tolerate = { percent: hundredths / 100 };
        if (allowed > 0) expect(finalState({ total, failed: allowed }, tolerate)).toBe('COMPLETED_WITH_FAILURES');
        expect(finalState({ total, failed: allowed + 1 }, tolerate)).toBe('FAILED');
      }),
      { examples: [[[500, 6_460]]] },
    );
  });
});
