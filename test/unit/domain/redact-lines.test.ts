import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineRedactor, safeCut } from '../../../src/domain/redact-lines.ts';
import { REDACTED, redactText } from '../../../src/domain/redact.ts';

const S = 'Zq9hunter2Zq9';
const redactAll = (lines: readonly string[]): string[] => {
  const redact = createLineRedactor();
  return lines.map((line) => redact(line));
};

describe('lines of one stream', () => {
  it('hide a private key on every line that it is printed on, and nothing after it', () => {
    const lines = [
      'loaded:',
      '  -----BEGIN OPENSSH PRIVATE KEY-----',
      S,
      '',
      `${S}==`,
      '-----END OPENSSH PRIVATE KEY----- and on',
      'done',
      '-----BEGIN RSA PRIVATE KEY-----',
      S,
      '-----END RSA PRIVATE KEY-----',
      'fine',
    ];
    const redacted = redactAll(lines);
    expect(redacted.join('\n')).not.toContain(S);
    expect(redacted).toHaveLength(lines.length);
    expect([redacted[0], redacted[5], redacted[6], redacted[10]]).toEqual([
      'loaded:',
      `${REDACTED} and on`,
      'done',
      'fine',
    ]);
  });

  it('do not stay hidden for ever after the beginning of a key without an end', () => {
    const redacted = redactAll(['-----BEGIN PRIVATE KEY-----', ...Array.from({ length: 300 }, (_, n) => `line ${n}`)]);
    expect(redacted.slice(0, 100).every((line) => line === REDACTED)).toBe(true);
    expect(redacted.at(-1)).toBe('line 299');
    expect(redactAll([`-----BEGIN PRIVATE KEY-----${S}-----END PRIVATE KEY-----`, 'next'])[1]).toBe('next');
  });

  it.each([
    [`{"headers":{"cookie":"${S}"},"n":1}`, `{"headers":{"cookie":"${REDACTED}"},"n":1}`],
    [`{"token":{"value":"${S}"}}`, `{"token":"${REDACTED}"}`],
    [`[{"api-key":["${S}"]}]`, `[{"api-key":"${REDACTED}"}]`],
    [`{"msg":"password\\u003d${S}"}`, `{"msg":"password=${REDACTED}"}`],
    [`  {"pass_word": "${S}"}`, `{"pass_word":"${REDACTED}"}`],
  ])('that are JSON are looked at as such: %s', (line, expected) => expect(redactAll([line])).toEqual([expected]));

  it.each([`{"password":"${S}","password":1}`, `{"password": "${S}"`, `{"secret": "${S}"} trailing`])(
    'that are almost JSON hide no less than text: %s',
    (line) => expect(redactAll([line])[0]).not.toContain(S),
  );

  it.each(['{"token":7,"n":12345678901234567890}', '{"key": 1.0}', 'no { "JSON"', '{"tokens": 5}', ''])(
    'without a secret stay as they are: %s',
    (line) => expect(redactAll([line])).toEqual([line]),
  );
});

describe('a text that has to be cut', () => {
  const carrier = fc.constantFrom(
    'password=',
    'https://ada:',
    '"api_key": "',
    'Bearer ',
    'Authorization: ',
    '--token ',
  );
  const tail = new Map([
    ['https://ada:', '@host'],
    ['"api_key": "', '"'],
  ]);

  it('is cut where no half of a secret is left', () => {
    fc.assert(
      fc.property(fc.nat(2_000), carrier, fc.integer({ min: 12, max: 400 }), (at, name, length) => {
        const secret = `Zq${'9aZ'.repeat(length / 3)}`;
        const text = `${'word '.repeat(at / 5)}${name}${secret}${tail.get(name) ?? ''}${' word'.repeat(800)}`;
        const cut = safeCut(text, 1_000);
        // What hides all of its line leaves no place for a cut after it.
        if (cut === null) {
          expect(name).toBe('Authorization: ');
          return;
        }
        expect(cut).toBeLessThanOrEqual(1_000);
        const shown = redactText(text.slice(0, cut)) + redactText(text.slice(cut));
        expect(shown).not.toContain('9aZ9aZ');
      }),
    );
  });

  it('says so where a secret is longer than what can be kept together', () => {
    expect(safeCut(`password=${'x'.repeat(10_000)}`, 1_000)).toBeNull();
    expect(safeCut('x'.repeat(10_000), 1_000)).toBe(1_000);
  });
});
