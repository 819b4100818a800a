import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isSecretKey,
  REDACTED,
  redactingReplacer,
  redactStart,
  redactText,
  withoutSecrets,
} from '../../../src/domain/redact.ts';

const S = 'Zq9hunter2Zq9';

describe('redactText', () => {
  it.each([
    [`password=${S}`, `password=${REDACTED}`],
    [`"password": "${S} with spaces", "n": 1`, `"password": "${REDACTED}", "n": 1`],
    [`DB_PASSWD='${S}' run`, `DB_PASSWD='${REDACTED}' run`],
    [`AWS_SECRET_ACCESS_KEY=${S}`, `AWS_SECRET_ACCESS_KEY=${REDACTED}`],
    [`curl -H "Authorization: Bearer ${S}" https://x`, `curl -H "Authorization: ${REDACTED}" https://x`],
    [`Cookie: sid=${S}; theme="${S} x"; n=1\nAccept: */*`, `Cookie: ${REDACTED}\nAccept: */*`],
    [`curl -H 'Set-Cookie: a=${S}; Path=/' https://x`, `curl -H 'Set-Cookie: ${REDACTED}' https://x`],
    [`session_cookie=${S}`, `session_cookie=${REDACTED}`],
    [`{ 'set-cookie': [ 'a=${S}', 'b=${S}' ], n: 1 }`, `{ 'set-cookie': ${REDACTED}`],
    ['password: 12345678', `password: ${REDACTED}`],
    [`sent bearer ${S}.`, `sent bearer ${REDACTED}`],
    [`postgres://ada:${S}@db/x?y`, `postgres://ada:${REDACTED}@db/x?y`],
    [`redis://:a@${S}@cache`, `redis://:${REDACTED}@cache`],
    [`run --api-key ${S} --n 3`, `run --api-key ${REDACTED} --n 3`],
    [`https://b.s3/x?X-Amz-Signature=${S}&a=1`, `https://b.s3/x?X-Amz-Signature=${REDACTED}&a=1`],
    [`https://b.s3/x?X-Amz-Security-Token=${S}&a=1`, `https://b.s3/x?X-Amz-Security-Token=${REDACTED}&a=1`],
    ['key AKIAIOSFODNN7EXAMPLE', `key ${REDACTED}`],
    [`ghp_${'a1'.repeat(18)} x`, `${REDACTED} x`],
    [`eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${S}`, REDACTED],
    [`-----BEGIN RSA PRIVATE KEY-----\n${S}\n-----END RSA PRIVATE KEY-----\nx`, `${REDACTED}\nx`],
    [`-----BEGIN PRIVATE KEY-----\n${S}`, REDACTED],
    [`${S}\n${S}==\n-----END PRIVATE KEY-----\nx`, `${REDACTED}\nx`],
    [`\\"token\\": \\"${S}\\"`, `\\"token\\": \\"${REDACTED}"`],
  ])('%s', (text, expected) => {
    const redacted = redactText(text);
    expect(redacted).not.toContain(S);
    if (!text.startsWith('\\')) expect(redacted).toBe(expected);
  });

  it.each([
    'loaded tokenizer bert, 250 tokens, max_tokens=512, token: 7',
    'the key is 5 of 9; keyword=x',
    'cookies: 5, cookie jar of 3',
    'https://host/path?a=1#b and C:\\x and 12:30:05',
    'item 42 failed: ValueError: no licence for 17',
    'sk-learn and task-force',
  ])('leaves alone: %s', (text) => expect(redactText(text)).toBe(text));

  it('hides a secret whatever stands around it, and redacting again changes nothing', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/_.-]{12,40}$/).map((text) => `Zq${text}9`);
    const around = fc.string({ maxLength: 60 }).filter((text) => !/["']/.test(text));
    const carrier = fc.constantFrom(
      'password=',
      'secret: ',
      'api_key=',
      '"token": "',
      'x-amz-signature=',
      'accessKey=',
      'Cookie: sid=',
    );
    fc.assert(
      fc.property(around, carrier, secret, around, (before, name, value, after) => {
        const redacted = redactText(`${before} ${name}${value}${name.endsWith('"') ? '"' : ''} ${after}`);
        expect(redacted).not.toContain(value);
        expect(redactText(redacted)).toBe(redacted);
      }),
    );
  });

  it('takes time that grows with the length alone', () => {
    const hostile = [
      '://a:',
      'eyJa-',
      'password=" ',
      'token\\',
      '-----BEGIN ',
      'authorization:',
      'cookie:',
      'cookie=[',
      'cookie="',
      '--a-token ',
      'A',
      ':',
    ];
    for (const piece of hostile) {
      const text = piece.repeat(64_000 / piece.length);
      const startMs = performance.now();
      redactText(text);
      expect(performance.now() - startMs, piece).toBeLessThan(2_000);
    }
  });
});

describe('the beginning of a text', () => {
  const carrier = fc.constantFrom('https://ada:SECRET@host', 'key AKIASECRETSECRETSECR', 'password="SECRET SECRET"');

  it('holds no half of a secret, wherever it is cut and however long the text is', () => {
    fc.assert(
      fc.property(carrier, fc.nat(40_000), fc.nat(40_000), fc.boolean(), (text, before, after, goesOn) => {
        const whole = `${'word '.repeat(before / 5)}${text}${' word'.repeat(after / 5)}`;
        const start = redactStart(whole, 20_000, goesOn);
        expect(start).not.toContain('SECRE');
        expect(start.length).toBeLessThanOrEqual(20_001);
        if (whole.length <= 20_000 && !goesOn) expect(start).toBe(redactText(whole));
      }),
    );
  });

  it('of a text that was cut off within a secret does not show it', () => {
    const cut = `${'word '.repeat(8_000)}https://ada:hun`;
    expect(redactStart(cut, 1_000_000, true)).not.toContain('hun');
    expect(redactStart(cut, 1_000_000, true)).toContain('word word');
    expect(redactStart(`password=${'x'.repeat(1_000_000)}`, 1_000, true)).not.toContain('xx');
  });
});

describe('secrets by key', () => {
  it.each([
    'password',
    'DB_PASSWORD',
    'aws_secret_access_key',
    'X-Api-Key',
    'sessionToken',
    'Set-Cookie',
    'client.secret',
  ])('%s', (key) => expect(isSecretKey(key)).toBe(true));
  it.each(['tokens', 'key', 'keys', 'tokenizer', 'passed', 'author', 'itemId'])('not %s', (key) =>
    expect(isSecretKey(key)).toBe(false),
  );

  it('shows what an error says, without its secrets', () => {
    const cause = new TypeError('GET https://ada:hunter2@host failed');
    const shown = JSON.parse(JSON.stringify({ cause }, redactingReplacer)) as { cause: Record<string, string> };
    expect(shown.cause).toMatchObject({ name: 'TypeError', message: `GET https://ada:${REDACTED}@host failed` });
    expect(shown.cause['stack']).toContain('redact.test.ts');
    expect(shown.cause['stack']).not.toContain('hunter2');
  });

  it.each([
    ['password', 12_345_678],
    ['DB_PASSWORD', 0],
    ['secret', -1.5],
    ['pass-phrase', 10n ** 20n],
    ['cookie', 5],
    ['sessionToken', 1e9],
    ['token', 0.5],
  ])('hides the number under %s', (key, value) =>
    expect(JSON.parse(JSON.stringify({ [key]: value }, redactingReplacer))).toEqual({ [key]: REDACTED }),
  );
  it.each(['token', 'tokens', 'max_tokens', 'maxToken', 'token_count', 'passed', 'n'])('leaves the count %s', (key) =>
    expect(JSON.parse(JSON.stringify({ [key]: 4_096 }, redactingReplacer))).toEqual({ [key]: 4_096 }),
  );

  it('hides strings and structures under such a key, not counts', () => {
    const value = { a: { secret: [S], token: 7, apiKey: null, ok: `password=${S}` }, big: 3n };
    expect(JSON.parse(JSON.stringify(value, redactingReplacer))).toEqual({
      a: { secret: REDACTED, token: 7, apiKey: null, ok: `password=${REDACTED}` },
      big: '3',
    });
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    expect(withoutSecrets(cyclic)).toEqual({ fields: 'not JSON' });
  });
});
