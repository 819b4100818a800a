import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chunkThrottle,
  planChunks,
  planElements,
  shareRoom,
  MAX_AUTO_ELEMENTS,
} from '../../../src/coordinator/plan-array.ts';

describe('planElements', () => {
  it.each([
    ['tasks give one each', { elements: 'tasks' }, 5_000, 8, 5_000],
    ['auto takes what can run at once', { elements: 'auto' }, 5_000, 16, 16],
    ['auto never has more than tasks', { elements: 'auto' }, 3, 16, 3],
    ['auto respects the throttle', { elements: 'auto', throttle: 4 }, 5_000, 16, 4],
    ['auto on a huge partition stops somewhere', { elements: 'auto' }, 1e6, 1e6, MAX_AUTO_ELEMENTS],
    ['auto without knowledge is modest', { elements: 'auto' }, 5_000, null, 64],
    ['a number is taken', { elements: 40 }, 5_000, 16, 40],
    ['a number is cut to the tasks', { elements: 40 }, 7, 16, 7],
    ['a full partition still gets one element', { elements: 'auto' }, 10, 0, 1],
  ] as const)('%s', (_name, slurm, tasks, slots, expected) => {
    expect(planElements(slurm, tasks, slots).elements).toBe(expected);
  });

  it('says which figure decided', () => {
    expect(planElements({ elements: 'auto', throttle: 4 }, 100, 16).reason).toContain('slurm.throttle');
  });
});

describe('planChunks', () => {
  it('covers every element once, in order, with no chunk above the array size', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 10, max: 5_000 }),
        (elements, maxArraySize) => {
          const chunks = planChunks(elements, maxArraySize);
          let next = 0;
          for (const chunk of chunks) {
            expect(chunk.offset).toBe(next);
            expect(chunk.elements).toBeGreaterThan(0);
            expect(chunk.elements).toBeLessThanOrEqual(maxArraySize);
            next += chunk.elements;
          }
          expect(next).toBe(elements);
          expect(chunks.length).toBe(Math.ceil(elements / maxArraySize));
        },
      ),
    );
  });
});

describe('chunkThrottle', () => {
  it('shares the throttle over the chunks without exceeding it by more than one each', () => {
    const chunks = planChunks(2_500, 1_000);
    const shares = chunks.map((chunk) => chunkThrottle(chunk, 2_500, 100) as number);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(100);
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(1);
  });

  it('is left out when it binds nothing', () => {
    expect(chunkThrottle({ offset: 0, elements: 10 }, 10, undefined)).toBeUndefined();
    expect(chunkThrottle({ offset: 0, elements: 10 }, 10, 10)).toBeUndefined();
  });
});

describe('shareRoom', () => {
  it('gives each what it wants while there is room', () => {
    expect(shareRoom([3, 5], 8)).toEqual([3, 5]);
    expect(shareRoom([3, 5], Infinity)).toEqual([3, 5]);
  });

  it('else in proportion, at least one each, the first ones first', () => {
    expect(shareRoom([1, 30], 10)).toEqual([1, 9]);
    expect(shareRoom([1, 1, 1], 2)).toEqual([1, 1, 0]);
    expect(shareRoom([4], -1)).toEqual([0]);
  });

  it('never more than there is, nor more than anybody wants', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 })), fc.integer({ min: 0, max: 100 }), (wanted, room) => {
        const shares = shareRoom(wanted, room);
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThanOrEqual(room);
        for (const [at, share] of shares.entries()) expect(share).toBeLessThanOrEqual(wanted[at] as number);
      }),
    );
  });
});
