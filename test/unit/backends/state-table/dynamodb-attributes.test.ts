import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  decodeItem,
  decodeValue,
  encodeItem,
  encodeKey,
  encodeValue,
} from '../../../../src/backends/state-table/dynamodb-attributes.ts';
import type { StateValue } from '../../../../src/ports/state-table.ts';

const KEY = { partition: 'p', sort: 's' };

describe('values', () => {
  it('come back the same, doubles to the last bit', () => {
    const double = fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((value) => value === 0 || (Math.abs(value) >= 1e-130 && Math.abs(value) <= 9e125))
      .map((value) => value + 0);
    const name = fc
      .string({ minLength: 1, maxLength: 5 })
      .filter((text) => text !== '__proto__' && !text.includes('.'));
    const text = fc.string({ unit: 'grapheme' });
    const { tree } = fc.letrec<{ tree: StateValue }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        text,
        double,
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(name, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(decodeValue(encodeValue(value))).toStrictEqual(value);
      }),
    );
  });

  it.each<[StateValue, unknown]>([
    [9_007_199_254_740_992, { N: '9007199254740992' }],
    [0.1, { N: '0.1' }],
    [-0, { N: '0' }],
    [1e21, { N: '1e+21' }],
    ['', { S: '' }],
    ['cut \ud83d', { S: 'cut \ufffd' }],
    [{ a: [null, { b: true }] }, { M: { a: { L: [{ NULL: true }, { M: { b: { BOOL: true } } }] } } }],
  ])('%j is stored as %j', (value, stored) => {
    expect(encodeValue(value)).toStrictEqual(stored);
  });

  it.each([Number.NaN, Infinity, -Infinity, 1e126, -1e200, 1e-131, 5e-324])('%d cannot be stored', (value) => {
    expect(() => encodeValue(value)).toThrow('DynamoDB keeps magnitudes of');
  });

  it('of other types were written by somebody else', () => {
    expect(() => decodeItem({ set: { SS: ['a'] } })).toThrow('of type SS was not written by slurmctl');
  });
});

describe('items', () => {
  it('have their key and nonce beside the attributes, and lose them again', () => {
    const stored = encodeItem(KEY, { state: 'DONE' }, 'n0nce');
    expect(stored).toEqual({ pk: { S: 'p' }, sk: { S: 's' }, _w: { S: 'n0nce' }, state: { S: 'DONE' } });
    expect(decodeItem({ ...stored, ttl: { N: '5' } })).toEqual({ state: 'DONE' });
  });

  it.each(['pk', 'sk', '_w', 'ttl'])('cannot have an attribute %s, but inside a map they can', (name) => {
    expect(() => encodeItem(KEY, { [name]: 1 }, 'n')).toThrow(`an attribute must not be named "${name}"`);
    expect(encodeItem(KEY, { map: { [name]: 1 } }, 'n')['map']).toEqual({ M: { [name]: { N: '1' } } });
  });

  it('end below 400 KB', () => {
    expect(() => encodeItem(KEY, { a: 'x'.repeat(408_000) }, 'n')).not.toThrow();
    expect(() => encodeItem(KEY, { a: 'x'.repeat(410_000) }, 'n')).toThrow(
      /the state item p\/s would have 4100\d\d bytes, DynamoDB's limit is 409600/,
    );
    expect(() => encodeItem(KEY, { a: Array.from({ length: 30_000 }, () => 1e9 + 0.123456789) }, 'n')).not.toThrow();
    expect(() => encodeItem(KEY, { a: 'ü'.repeat(205_000) }, 'n')).toThrow(/would have 4100\d\d bytes/);
  });
});

describe('keys', () => {
  it.each(['', 'cut \ud83d', 'x'.repeat(1_025)])('%j is none', (sort) => {
    expect(() => encodeKey({ partition: 'p', sort })).toThrow('cannot be a key');
  });

  it('may be as long as the service allows', () => {
    expect(() => encodeKey({ partition: 'x'.repeat(2_048), sort: 'ü'.repeat(512) })).not.toThrow();
    expect(() => encodeKey({ partition: 'x'.repeat(2_049), sort: 's' })).toThrow('cannot be a key');
  });
});
