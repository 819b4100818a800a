import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExactJson } from '../../../src/domain/exact-json.ts';
import { jsonText } from '../../../src/worker/json-text.ts';

describe('jsonText', () => {
  it('writes what JSON.stringify writes, for every JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(jsonText(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it('is valid JSON for anything it accepts, and BigInt survives exactly', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.bigInt(), fc.double(), fc.string({ unit: 'binary' }), fc.constant(undefined))),
        (values) => {
          const back = parseExactJson(jsonText(values)) as unknown[];
          for (const [at, value] of values.entries()) {
            if (typeof value === 'bigint') expect(BigInt(back[at] as number)).toBe(value);
            if (typeof value === 'number') expect(Number(back[at])).toBe(value === 0 ? 0 : value);
          }
        },
      ),
    );
  });

  it.each([
    [undefined, 'null'],
    [{ a: undefined, b: [undefined] }, '{"b":[null]}'],
    [{ n: NaN, i: Infinity, m: -Infinity }, '{"n":"NaN","i":"Infinity","m":"-Infinity"}'],
    [{ big: 2n ** 63n - 1n }, '{"big":9223372036854775807}'],
    [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    [{ at: new Date(NaN) }, '{"at":null}'],
    [new Float32Array([1, NaN]), '[1,"NaN"]'],
    [new BigInt64Array([-1n]), '[-1]'],
    [{ text: 'a\ud800b' }, '{"text":"a\ufffdb"}'],
    [{ 'k\udc00': 1 }, '{"k\ufffd":1}'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [
      new (class Point {
        x = 1;
      })(),
      '{"x":1}',
    ],
    [{ toJSON: () => ({ inner: 1n }) }, '{"inner":1}'],
  ])('%o → %s', (value, expected) => expect(jsonText(value)).toBe(expected));

  it('survives a string of a megabyte', () => {
    const text = '𝄞é"\\\n'.repeat(200_000);
    expect(JSON.parse(jsonText({ text }))).toEqual({ text });
  });

  const cyclic: Record<string, unknown> = { name: 'x' };
  cyclic['list'] = [{ self: cyclic }];
  it.each([
    [{ scores: [1, { label: () => 1 }] }, 'a function at scores[1].label'],
    [{ 'odd key': Symbol('s') }, 'a symbol at ["odd key"]'],
    [cyclic, 'a value that contains itself at list[0].self'],
    [{ m: new Map([[1, 2]]) }, 'a Map (Object.fromEntries makes it a plain object) at m'],
    [Promise.resolve(1), 'a Promise (is an `await` missing?)'],
    [[new Error('x')], 'a Error (throw it to fail the item) at [0]'],
    [() => 1, 'a function, which'],
  ])('refuses %o: %s', (value, message) => expect(() => jsonText(value)).toThrow(`the output has ${message}`));

  it('refuses nesting without end instead of overflowing the stack', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 50_000; level += 1) deep = [deep];
    expect(() => jsonText(deep)).toThrow('more than 1000 levels of nesting');
  });

  it('the same object twice is not a cycle', () => {
    const shared = { at: new Date(0) };
    expect(jsonText([shared, shared])).toBe('[{"at":"1970-01-01T00:00:00.000Z"},{"at":"1970-01-01T00:00:00.000Z"}]');
  });
});
