import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAUSE_NAMES } from '../../../src/domain/causes.ts';
import { fingerprintOf, shapeOf, templateOf } from '../../../src/domain/fingerprint.ts';
import type { FailureFacts } from '../../../src/domain/retry-rules.ts';

describe('templateOf', () => {
  it.each([
    ['item 42 of 1000 failed', 'item <num> of <num> failed'],
    ['took 1.5e-3 s, -7 left', 'took <num> s, <num> left'],
    ['node017: item42 broke', 'node<num>: item<num> broke'],
    ["ENOENT: no such file or directory, open '/data/a b/x.png'", 'ENOENT: no such file or directory, open <str>'],
    ['cannot read /scratch/me/part-3.csv:12:5', 'cannot read <path>:<num>'],
    ['no ./a/b, ~/c nor ../d', 'no <path>, <path> nor <path>'],
    ['no data/abstracts.jsonl and/or text/plain', 'no <path> and/or text/plain'],
    ['C:\\Users\\me\\x.txt is gone', '<path> is gone'],
    ['GET https://api.example.org/v1/items?id=7 failed', 'GET <url> failed'],
    ['s3://bucket/key is gone', '<url> is gone'],
    ['connect ECONNREFUSED 10.0.0.7:443', 'connect ECONNREFUSED <addr>'],
    ['no route to fe80:0:0:0:a:b:c:d', 'no route to <addr>'],
    ['mail to a.b@example.org bounced', 'mail to <addr> bounced'],
    ['request 6f9619ff-8b86-d011-b42d-00c04fc964ff failed', 'request <id> failed'],
    ['request 01JD6Z3VQ7M8N9P0R1S2T3V4W5 failed', 'request <id> failed'],
    ['at 0xDEADBEEF of 3f2a9c1d', 'at <num> of <num>'],
    ['2026-11-21T07:20:51.123Z it broke', '<date> it broke'],
    ['2026-11-21 07:20 it broke', '<date> it broke'],
    ['Sat Nov 21 07:20:51 it broke', '<date> it broke'],
    ['on Nov 21, 2026 it broke', 'on <date> it broke'],
    ['it broke in May', 'it broke in May'],
    ["Can't find it, don't ask", "Can't find it, don't ask"],
    ['unknown column "title"', 'unknown column <str>'],
    ['first line\nsecond line', 'first line'],
    ['  \n spaced   out ', 'spaced out'],
    ['', ''],
  ])('%s', (message, template) => expect(templateOf(message)).toBe(template));

  it('ends in bounded time and length for any text', () => {
    const nasty = fc.constantFrom(
      `${'a-'.repeat(9_000)}@`,
      `'${'x'.repeat(9_000)}`,
      'a/'.repeat(9_000),
      '1:'.repeat(9_000),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), nasty), (text) => {
        expect(templateOf(text).length).toBeLessThanOrEqual(240);
      }),
    );
  });
});

describe('shapeOf', () => {
  it('is one for messages that differ in digits, but for zeros, and leaves the rest alone', () => {
    expect(shapeOf('no row 17 in /data/9.csv\nat line 3')).toBe('no row 11 in /data/1.csv');
    expect(shapeOf('at 0x20')).toBe('at 0x10');
  });

  it('messages of one shape have one template', () => {
    const pieces =
      '0x|0X|10.0.0.7|:443|2026-11-21|T07:20:51| Nov 21, |6f9619ff-8b86-d011-b42d-00c04fc964ff|3f2a9c1d|1.5e-3|fe80:0:0:0:a:b';
    const others = `01JD6Z3VQ7M8N9P0R1S2T3V4W5|/data/|.csv|"|'| |\n|-|row|x`;
    const piece = fc.constantFrom(...`${pieces}|${others}`.split('|'));
    const number = fc.nat({ max: 99_999_999 }).map(String);
    const message = fc.array(fc.oneof(piece, number, fc.string({ maxLength: 5 })), { maxLength: 12 });
    fc.assert(
      fc.property(message, (words) => {
        const text = words.join('');
        expect(templateOf(shapeOf(text))).toBe(templateOf(text));
      }),
      { numRuns: 2_000 },
    );
  });
});

const word = fc.constantFrom(
  'item',
  'task',
  'of',
  'failed',
  'with',
  'cannot',
  'load',
  'row',
  'at',
  '(',
  ')',
  ',',
  'x is y',
);
const number = fc.oneof(fc.nat(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })).map(String);
const uuid = fc.uuid();
const path = fc
  .array(fc.stringMatching(/^[a-z0-9_.-]{1,9}$/), { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.join('/')}`);
/** A word that stays, or two texts of one kind that may stand for each other. */
const part = fc.oneof(
  word.map((text) => [text, text] as const),
  ...[number, uuid, path].map((kind) => fc.tuple(kind, kind)),
);
const facts: fc.Arbitrary<FailureFacts> = fc.record(
  {
    cause: fc.constantFrom(...CAUSE_NAMES),
    exitCode: fc.nat(127),
    signal: fc.integer({ min: 1, max: 64 }),
    errorClass: fc.constantFrom('TypeError', 'ValueError'),
    message: fc.string(),
  },
  { requiredKeys: ['cause'] },
);

describe('fingerprintOf', () => {
  it('is 12 hexadecimal digits that begin with the version', () => {
    fc.assert(fc.property(facts, (failure) => /^1[0-9a-f]{11}$/.test(fingerprintOf(failure))));
  });

  it('is the same for a message with other numbers, ids and paths in it', () => {
    fc.assert(
      fc.property(facts, fc.array(part, { minLength: 1, maxLength: 12 }), (failure, parts) => {
        const [one, other] = [0, 1].map((side) => parts.map((pair) => pair[side] as string).join(' '));
        const print = (message: string | undefined): string => fingerprintOf({ ...failure, message: message ?? '' });
        expect(print(one)).toBe(print(other));
      }),
    );
  });

  it('tells apart cause, class, ending and words', () => {
    const base: FailureFacts = { cause: 'handler-error', errorClass: 'TypeError', message: 'x is not a function' };
    const others: FailureFacts[] = [
      base,
      { ...base, errorClass: 'RangeError' },
      { ...base, cause: 'oom' },
      { ...base, exitCode: 1 },
      { ...base, exitCode: 2 },
      { ...base, signal: 2 },
      { ...base, message: 'y is not a function' },
      { cause: 'handler-error' },
    ];
    expect(new Set(others.map(fingerprintOf)).size).toBe(others.length);
  });

  it('sees a death by a signal through a shell', () => {
    expect(fingerprintOf({ cause: 'killed', exitCode: 139 })).toBe(fingerprintOf({ cause: 'killed', signal: 11 }));
  });

  it('makes 50 groups of 100,000 failures', () => {
    const letter = (n: number): string => String.fromCodePoint(97 + n);
    const prints = new Set<string>();
    for (let n = 0; n < 100_000; n += 1) {
      const kind = n % 50;
      prints.add(
        fingerprintOf({
          cause: 'handler-error',
          errorClass: 'ValueError',
          message: `row ${n} of /data/part-${n}.csv: column ${letter(kind % 25)}${letter(kind % 2)} has "v${n}" at 0x${n.toString(16)}`,
        }),
      );
    }
    expect(prints.size).toBe(50);
  });
});
