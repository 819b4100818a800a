import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asJobId, taskIdOf } from '../../../src/domain/ids.ts';
import { formatRanges, includes, numbersIn, rangesOf } from '../../../src/domain/item-ranges.ts';
import { MANIFEST_SCHEMAS } from '../../../src/domain/manifest.ts';
import { intersectionOf, isCarried, readRedoRecord, unionOf, type RedoRecord } from '../../../src/domain/redo.ts';

const numbers = fc.array(fc.nat(60), { maxLength: 40 });

describe('ranges of a retry', () => {
  it('intersect as the sets of their numbers do', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const common = intersectionOf(rangesOf(a), rangesOf(b));
        expect([...numbersIn(common)]).toEqual([...new Set(a.filter((n) => b.includes(n)))].toSorted((x, y) => x - y));
      }),
    );
  });

  it('unite, and leave alone what they do not name', () => {
    fc.assert(
      fc.property(numbers, numbers, (a, b) => {
        const texts = [a, b].filter((one) => one.length > 0).map((one) => formatRanges(rangesOf(one)));
        const both = unionOf(texts);
        expect(both).toEqual(rangesOf([...a, ...b]));
        for (let n = 0; n <= 60; n += 1) expect(isCarried(both, n)).toBe(!includes(both, n));
      }),
    );
  });
});

describe('a redo record', () => {
  const of = { job: asJobId('j-00000000'), task: taskIdOf(7), generation: 2 };
  const record: RedoRecord = { schema: MANIFEST_SCHEMAS.redo, ...of, items: '1,3-4', base: null };
  const read = (change: Readonly<Record<string, unknown>>) =>
    readRedoRecord(new TextEncoder().encode(JSON.stringify({ ...record, ...change })), of);

  it('is read, and refused when it is of something else', () => {
    expect(read({})).toEqual({ items: rangesOf([1, 3, 4]), base: null });
    expect(read({ task: '000008' })).toBe('its task is "000008", expected 000007');
    expect(read({ generation: 1 })).toBe('its generation is 1, expected 2');
    expect(read({ schema: 'x' })).toBe('its schema is "x"');
    expect(read({ items: '4-3' })).toBe('its items are "4-3"');
    expect(readRedoRecord(new TextEncoder().encode('{'), of)).toBe('it is not JSON');
    expect(readRedoRecord(new TextEncoder().encode('null'), of)).toBe('its schema is undefined');
  });
});
