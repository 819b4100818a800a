import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countIn, numbersIn, parseRanges } from '../../../src/domain/item-ranges.ts';
import { planPhases } from '../../../src/worker/isolation.ts';

const none = (): boolean => false;

describe('the order of items when some are suspected', () => {
  it('is left alone when nobody is, or every suspect is finished', () => {
    expect(planPhases({ items: 9, isFinished: none, suspects: undefined })).toBeNull();
    expect(planPhases({ items: 9, isFinished: (item) => item === 4, suspects: '4' })).toBeNull();
    expect(planPhases({ items: 9, isFinished: none, suspects: '40-50' })).toBeNull();
  });

  it('is everybody else first, then each suspect alone while there are few', () => {
    expect(planPhases({ items: 6, isFinished: (item) => item === 0, suspects: '0,2,4-5' })).toEqual([
      { items: [1, 3], suspected: null },
      { items: [2], suspected: '2' },
      { items: [4], suspected: '4' },
      { items: [5], suspected: '5' },
    ]);
    expect(planPhases({ items: 2, isFinished: none, suspects: '0-1' })).toEqual([
      { items: [0], suspected: '0' },
      { items: [1], suspected: '1' },
    ]);
  });

  it('narrows 10,000 suspects to one in four deaths', () => {
    let suspects = '0-9999';
    const sizes: number[] = [];
    for (let deaths = 0; deaths < 4; deaths += 1) {
      const phases = planPhases({ items: 10_000, isFinished: none, suspects }) ?? [];
      const culprit = phases.find((phase) => phase.suspected !== null && phase.items.includes(7_777));
      suspects = culprit?.suspected ?? '';
      sizes.push(countIn(parseRanges(suspects) ?? []));
    }
    expect(sizes).toEqual([625, 40, 3, 1]);
  });

  it('runs each unfinished item once, in at most sixteen groups of suspects that say what they hold', () => {
    const sets = fc.tuple(
      fc.integer({ min: 1, max: 300 }),
      fc.array(fc.nat(299)),
      fc.array(fc.nat(299), { minLength: 1 }),
    );
    fc.assert(
      fc.property(sets, ([items, done, suspected]) => {
        const finished = new Set(done);
        const isFinished = (item: number): boolean => finished.has(item);
        const phases = planPhases({ items, isFinished, suspects: suspected.join(',') });
        const unfinished = Array.from({ length: items }, (_, item) => item).filter((item) => !isFinished(item));
        const open = new Set(suspected.filter((item) => item < items && !isFinished(item)));
        if (phases === null) {
          expect(open.size).toBe(0);
          return;
        }
        expect(phases.flatMap((phase) => phase.items).toSorted((a, b) => a - b)).toEqual(unfinished);
        const groups = phases.filter((phase) => phase.suspected !== null);
        expect(groups.length).toBeLessThanOrEqual(16);
        expect(phases.slice(0, -groups.length).every((phase) => phase.items.every((item) => !open.has(item)))).toBe(
          true,
        );
        for (const { items: own, suspected: text } of groups)
          expect([...numbersIn(parseRanges(text ?? '') ?? [])]).toEqual(own);
      }),
    );
  });
});
