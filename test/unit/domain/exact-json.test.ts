import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExactJson, parsePrintedJson } from '../../../src/domain/exact-json.ts';

describe('parseExactJson', () => {
  it('keeps integers beyond 2^53 as BigInt, wherever they stand', () => {
    expect(parseExactJson('{"a":9007199254740993,"b":[-12345678901234567890],"c":"12345678901234567890"}')).toEqual({
      a: 9007199254740993n,
      b: [-12345678901234567890n],
      c: '12345678901234567890',
    });
    expect(parseExactJson('9223372036854775807')).toBe(9223372036854775807n);
  });

  it('leaves safe integers, fractions and exponents to JSON.parse', () => {
    expect(parseExactJson('[9007199254740991, 1234567890123456.5, 12345678901234567e3]')).toEqual([
      9007199254740991, 1234567890123456.5, 12345678901234567e3,
    ]);
  });

  it('does not confuse data that looks like its own marks', () => {
    const text = String.raw`{"\u0001i5":12345678901234567890,"x":"\u0001i12","y":"\u0001s","z":"\\\"12345678901234567890"}`;
    expect(parseExactJson(text)).toEqual({
      '\u0001i5': 12345678901234567890n,
      x: '\u0001i12',
      y: '\u0001s',
      z: '\\"12345678901234567890',
    });
  });

  it.each([
    '012345678901234567890',
    '{"a":12345678901234567890',
    '12345678901234567890 1',
    '1-12345678901234567890',
    '"1234567890123456789',
  ])('refuses %s as JSON.parse does', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });

  it('agrees with JSON.parse on everything JSON.stringify writes, apart from long integers', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }), (value, long) => {
        const parsed = parseExactJson(`[${JSON.stringify(value)},${long}]`) as [unknown, bigint];
        expect(parsed[1]).toBe(long);
        expect(JSON.stringify(parsed[0], (_k, v: unknown) => (typeof v === 'bigint' ? Number(v) : v))).toBe(
          JSON.stringify(JSON.parse(JSON.stringify(value))),
        );
      }),
    );
  });
});

describe('parsePrintedJson', () => {
  it('takes the words that Python prints for numbers that JSON does not have', () => {
    expect(
      parsePrintedJson('{"NaN": NaN, "b": [Infinity, -Infinity, "NaN", "\\u0001nNaN"], "c": 9007199254740993}'),
    ).toEqual({
      NaN: Number.NaN,
      b: [Infinity, -Infinity, 'NaN', '\u0001nNaN'],
      c: 9007199254740993n,
    });
    expect(parsePrintedJson(' NaN ')).toBeNaN();
  });

  it.each(['{NaN: 1}', '[NaN5]', '-NaN', '"a" NaN', 'nan', '{"a": NaN', 'Infinity Infinity'])(
    'refuses %s all the same',
    (text) => expect(() => parsePrintedJson(text)).toThrow(SyntaxError),
  );

  it('is the only one that takes them', () => {
    for (const text of ['NaN', '[1234567890123456789, NaN]']) expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });

  it('agrees with parseExactJson on JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parsePrintedJson(text)).toEqual(parseExactJson(text));
      }),
    );
  });
});
