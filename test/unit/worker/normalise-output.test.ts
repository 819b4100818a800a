import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnType } from '../../../src/domain/output-columns.ts';
import { createOutputNormaliser } from '../../../src/worker/normalise-output.ts';
import { MAX_COLUMNS } from '../../../src/worker/observe-columns.ts';

const typed = (type: ColumnType, value: unknown) =>
  createOutputNormaliser({ mode: 'columns', columns: { c: type } }).normalise({ c: value });
const json = (text: string) => ({ ok: true, json: `{"c":${text}}` });

describe('typed columns', () => {
  it.each<[ColumnType, unknown, string]>([
    ['string', 'é\u0000', '"é\\u0000"'],
    ['string', 'a\ud800', '"a\ufffd"'],
    ['int', -2147483648, '-2147483648'],
    ['int', 2147483647n, '2147483647'],
    ['int', -0, '0'],
    ['bigint', 9007199254740991, '9007199254740991'],
    ['bigint', -(2n ** 63n), '-9223372036854775808'],
    ['bigint', '9223372036854775807', '9223372036854775807'],
    ['bigint', '+007', '7'],
    ['double', NaN, '"NaN"'],
    ['double', -Infinity, '"-Infinity"'],
    ['double', 'Infinity', '"Infinity"'],
    ['double', 5n, '5'],
    ['double', 1e308, '1e+308'],
    ['bool', false, 'false'],
    ['timestamp', new Date(1), '"1970-01-01T00:00:00.001Z"'],
    ['timestamp', -1, '"1969-12-31T23:59:59.999Z"'],
    ['timestamp', '2024-02-29T12:00:00+02:00', '"2024-02-29T10:00:00.000Z"'],
    ['timestamp', '2024-02-29 12:00:00.123456789+0200', '"2024-02-29T10:00:00.123Z"'],
    ['timestamp', '2024-02-29T12:00Z', '"2024-02-29T12:00:00.000Z"'],
    ['timestamp', '2024-02-29T12:00:00-05', '"2024-02-29T17:00:00.000Z"'],
    ['json', { a: [1n, NaN] }, '{"a":[1,"NaN"]}'],
    ['json', 'text', '"text"'],
    ['string', null, 'null'],
  ])('%s takes %o', (type, value, expected) => expect(typed(type, value)).toEqual(json(expected)));

  it.each<[ColumnType, unknown, string]>([
    ['string', 5, 'found the number 5, expected a string'],
    ['int', 2147483648, 'found the number 2147483648, expected an integer from'],
    ['int', 1.5, 'found the number 1.5'],
    ['int', '1', 'found the string "1"'],
    ['bigint', 2 ** 53, 'found the number 9007199254740992, expected a 64-bit integer'],
    ['bigint', 2n ** 63n, 'found the integer 9223372036854775808'],
    ['bigint', '1.0', 'found the string "1.0"'],
    ['double', '1.5', 'found the string "1.5"'],
    ['bool', 1, 'found the number 1, expected true or false'],
    ['timestamp', '2024-02-29', 'expected a Date, an ISO-8601 string with a time zone'],
    ['timestamp', '2024-02-29T12:00:00', 'with a time zone'],
    ['timestamp', '2024-13-29T12:00:00Z', 'found the string'],
    ['timestamp', new Date(NaN), 'found an invalid Date'],
    ['timestamp', 9e15, 'found the number'],
    ['bool', [true], 'found a list'],
    ['string', () => 1, 'found a function'],
    ['json', { f: () => 1 }, 'a function at f'],
  ])('%s refuses %o', (type, value, message) => {
    const result = typed(type, value);
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining(message) as string });
    if (type !== 'json') expect(result).toMatchObject({ message: expect.stringContaining('column "c"') as string });
  });

  it('a missing key, null and a null output are NULL; other keys are counted and left out', () => {
    const normaliser = createOutputNormaliser({ mode: 'columns', columns: { a: 'int', b: 'string' } });
    expect(normaliser.normalise({ b: null, x: 1 })).toEqual({ ok: true, json: '{"b":null}' });
    expect(normaliser.normalise({ x: 2, a: 1 })).toEqual({ ok: true, json: '{"a":1}' });
    expect(normaliser.normalise(null)).toEqual({ ok: true, json: 'null' });
    expect([...normaliser.ignoredKeys()]).toEqual([['x', 2]]);
    expect(normaliser.normalise(7)).toMatchObject({
      ok: false,
      message: 'the output is a number, expected an object with the columns a, b',
    });
    expect(normaliser.normalise([])).toMatchObject({
      ok: false,
      message: expect.stringContaining('is a list') as string,
    });
  });

  it('does not see inherited members as columns', () => {
    const normaliser = createOutputNormaliser({
      mode: 'columns',
      columns: Object.fromEntries([['constructor', 'string']]),
    });
    expect(normaliser.normalise({})).toEqual({ ok: true, json: '{}' });
  });

  it('every 64-bit integer survives, and every double', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.double(), (long, double) => {
        expect(typed('bigint', long)).toEqual(json(long.toString()));
        expect(typed('bigint', long.toString())).toEqual(json(long.toString()));
        const text = typed('double', double);
        const back = text.ok ? Number((JSON.parse(text.json) as { c: unknown }).c) : undefined;
        expect(back).toBe(double === 0 ? 0 : double);
      }),
    );
  });
});

describe('infer', () => {
  it('remembers kinds by column in order of first sight', () => {
    const normaliser = createOutputNormaliser({ mode: 'infer' });
    for (const output of [
      { a: 1, b: 'x' },
      { b: null, c: 1.5 },
      { a: 2 ** 40, d: [1], e: true, f: 2n ** 62n, g: NaN },
      { h: new Date(0), i: 2n ** 70n },
    ])
      expect(normaliser.normalise(output).ok).toBe(true);
    normaliser.addObserved([
      { column: 'a', kinds: ['double'] },
      { column: 'z', kinds: ['bool'] },
    ]);
    expect(normaliser.observed()).toEqual([
      { column: 'a', kinds: ['int', 'bigint', 'double'] },
      { column: 'b', kinds: ['string', 'null'] },
      { column: 'c', kinds: ['double'] },
      { column: 'd', kinds: ['json'] },
      { column: 'e', kinds: ['bool'] },
      { column: 'f', kinds: ['bigint'] },
      { column: 'g', kinds: ['double'] },
      { column: 'h', kinds: ['string'] },
      { column: 'i', kinds: ['json'] },
      { column: 'z', kinds: ['bool'] },
    ]);
  });

  it('an output that is no object is the column `output`; null says nothing', () => {
    const normaliser = createOutputNormaliser({ mode: 'infer' });
    for (const output of [5, 'x', null, [1], new Float64Array(2)]) normaliser.normalise(output);
    expect(normaliser.observed()).toEqual([{ column: 'output', kinds: ['int', 'string', 'json'] }]);
  });

  it('keys that are data fail the item instead of making a table of thousands of columns', () => {
    const normaliser = createOutputNormaliser({ mode: 'infer' });
    for (let key = 0; key < MAX_COLUMNS; key += 1) normaliser.normalise({ [`k${key}`]: 1 });
    expect(normaliser.normalise({ one: 1 })).toMatchObject({
      ok: false,
      message: expect.stringContaining('different keys') as string,
    });
    expect(normaliser.normalise({ k1: 'again' }).ok).toBe(true);
  });
});

it('a getter that throws is a bad output, not a crash', () => {
  const hostile = {
    get x(): never {
      throw new TypeError('no');
    },
  };
  expect(createOutputNormaliser({ mode: 'json' }).normalise(hostile)).toEqual({
    ok: false,
    message: 'the output cannot be read: TypeError: no',
  });
});
