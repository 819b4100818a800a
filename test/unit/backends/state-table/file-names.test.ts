import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compareBytes } from '../../../../src/backends/shared/fs-byte-order.ts';
import { decodeName, encodeName } from '../../../../src/backends/shared/fs-names.ts';
import {
  anchorName,
  dataName,
  headName,
  parseFileName,
  placeOf,
  provisionalName,
  supersededBy,
  viewsOf,
} from '../../../../src/backends/state-table/fs-item-files.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 120 });

describe('names of state files', () => {
  it('are safe in a path, readable, and go back to what they were', () => {
    expect(encodeName('J#licences-7k3f9q2m#T#0')).toBe('J#licences-7k3f9q2m#T#0');
    expect(encodeName('../a/b')).toBe('%2E%2E%2Fa%2Fb');
    expect(encodeName('grün %41')).toBe('gr%C3%BCn%20%2541');
    fc.assert(
      fc.property(text, (value) => {
        const encoded = encodeName(value);
        expect(encoded).toMatch(/^[A-Za-z0-9#_%-]{1,190}$/);
        if (!encoded.includes('%%')) expect(decodeName(encoded)).toBe(value);
      }),
    );
  });

  it('are short for long keys, and still differ', () => {
    const [one, two] = [encodeName(`${'x'.repeat(400)}1`), encodeName(`${'x'.repeat(400)}2`)];
    expect(one.length).toBeLessThanOrEqual(190);
    expect(one).not.toBe(two);
    expect(decodeName(one)).toBeNull();
    expect(() => encodeName('')).toThrow('cannot be a key');
    expect(() => encodeName('\ud800')).toThrow('cannot be a key');
  });

  it('order like their UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('say what they are, and foreign ones say nothing', () => {
    fc.assert(
      fc.property(text, fc.nat(), (sort, version) => {
        const { name } = placeOf('/state', { partition: 'p', sort });
        expect(parseFileName(anchorName(name))).toEqual({ kind: 'anchor', name });
        expect(parseFileName(provisionalName(name, 'abc'))).toEqual({ kind: 'provisional', name });
        const parsed = { name, version, nonce: 'abc' };
        expect(parseFileName(headName(name, version, 'abc'))).toEqual({ kind: 'head', ...parsed });
        const kind = version === 0 ? 'head' : 'data';
        expect(parseFileName(dataName(name, version, 'abc'))).toEqual({ kind, ...parsed });
      }),
    );
    for (const foreign of ['.nfs0001', 'a', 'a@x', 'a@1', 'a=1.', '', 'a b+'])
      expect(parseFileName(foreign)).toBeNull();
  });

  it('lie within the root and below two hashed directories', () => {
    const place = placeOf('/state', { partition: '../../etc', sort: '..' });
    expect(place.directory).toMatch(/^\/state\/[0-9a-f]{2}\/%2E%2E%2F%2E%2E%2Fetc\/[0-3][0-9a-f]$/);
    expect(place.name).toBe('%2E%2E');
  });

  it('give the view of an item: the higher head, and what is in nobody’s way any more', () => {
    const names = [
      'a+',
      'a@4.pp',
      'a@5.qq',
      'a=4.pp',
      'a=5.qq',
      'a=5.rr',
      'a=6.ss',
      'a~tt',
      'ab+',
      'ab@0.uu',
      'a%20+',
      '.nfs1',
    ];
    const view = viewsOf(names, 'a').get('a');
    expect(view).toMatchObject({ exists: true, head: { version: 5, nonce: 'qq' } });
    expect(view && supersededBy(view, 'a').toSorted()).toEqual(['a=4.pp', 'a=5.rr', 'a~tt']);
    expect([...viewsOf(names).keys()].toSorted()).toEqual(['a', 'a%20', 'ab']);
    expect(supersededBy({ exists: true, head: null, others: ['a~tt'] }, 'a')).toEqual([]);
  });
});
