import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_JSON_DEPTH } from '../../../src/domain/json-grammar.ts';
import { createJsonScanner } from '../../../src/domain/json-scan.ts';

const bytesOf = (text: string): Buffer => Buffer.from(`${text}\n`);
const accepts = (text: string): boolean => {
  const bytes = bytesOf(text);
  const end = createJsonScanner().scan(bytes, 0);
  return end >= 0 && bytes[end] === 0x0a && end === bytes.length - 1;
};
const parses = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

describe('JSON scanner', () => {
  it('accepts every value JSON.stringify writes', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 6 }), (text) => accepts(text)));
  });

  it('agrees with JSON.parse on texts damaged by one edit', () => {
    const damaged = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom(...'{}[]",:\\0123456789.-+eEtrufalsn \t\r\u0001é'.split('')),
        fc.constantFrom('insert', 'replace', 'delete'),
      )
      .map(([text, at, char, edit]) => {
        const position = at % (text.length + 1);
        const head = text.slice(0, position);
        return edit === 'insert'
          ? head + char + text.slice(position)
          : head + (edit === 'replace' ? char : '') + text.slice(position + 1);
      })
      .filter((text) => !text.includes('\n'));
    fc.assert(
      fc.property(damaged, (text) => accepts(text) === parses(text)),
      { numRuns: 5000 },
    );
  });

  it('agrees with JSON.parse on strings of JSON punctuation', () => {
    const soup = fc
      .array(
        fc.constantFrom(
          '{',
          '}',
          '[',
          ']',
          '"',
          ',',
          ':',
          '\\',
          'u00e9',
          '1',
          '-',
          '.',
          'e',
          'true',
          'null',
          ' ',
          '"a":',
        ),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(soup, (text) => accepts(text) === parses(text)),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['{"a":}', 5, 'found "}", expected a JSON value'],
    ['{"a" 1}', 5, 'found "1", expected ":" after the member name'],
    ['{"a":1', 6, 'found the end of the record, expected "," or "}"'],
    ['[1 2]', 3, 'found "2", expected "," or "]"'],
    ['{a:1}', 1, 'found "a", expected a member name in double quotes'],
    ['"abc', 4, 'found the end of the record, expected the closing quote of a string'],
    ['"\\x"', 2, 'found "x", expected one of "\\/bfnrtu after a backslash'],
    ['"\\u12g4"', 5, 'found "g", expected four hexadecimal digits after \\u'],
    ['-', 1, 'found the end of the record, expected a digit'],
    ['NaN', 0, 'found "N", expected a JSON value'],
    ["{'a':1}", 1, `found "'", expected a member name in double quotes`],
  ])('says where %s goes wrong', (text, at, message) => {
    const scanner = createJsonScanner();
    expect(scanner.scan(bytesOf(text), 0)).toBe(-1);
    expect(scanner.problem()).toEqual({ at, message });
  });

  it('limits nesting', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
    expect(accepts(nested(MAX_JSON_DEPTH))).toBe(true);
    expect(accepts(nested(MAX_JSON_DEPTH + 2))).toBe(false);
  });

  it('finds the member JSON.parse would give, whatever its name and neighbours', () => {
    const object = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('id', 'i\\d', 'é"')), fc.jsonValue());
    fc.assert(
      fc.property(object, fc.oneof(fc.string(), fc.constantFrom('id', 'i\\d', 'é"')), (value, name) => {
        const bytes = bytesOf(JSON.stringify(value));
        const scanner = createJsonScanner(name);
        expect(scanner.scan(bytes, 0)).toBe(bytes.length - 1);
        const found = scanner.memberStart() >= 0;
        const token = found ? bytes.toString('utf8', scanner.memberStart(), scanner.memberEnd()) : null;
        expect(token).toBe(Object.hasOwn(value, name) ? JSON.stringify(value[name]) : null);
      }),
    );
  });

  it('takes the last of equal names and reads escaped ones', () => {
    const bytes = bytesOf('{"id": 1, "\\u0069d" : 2 }');
    const scanner = createJsonScanner('id');
    scanner.scan(bytes, 0);
    expect(bytes.toString('utf8', scanner.memberStart(), scanner.memberEnd())).toBe('2');
  });
});
