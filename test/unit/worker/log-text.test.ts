import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactText } from '../../../src/domain/redact.ts';
import type { LogFields } from '../../../src/ports/log.ts';
import { bind, carefulLine, lineText, NO_BINDINGS, type LineHead } from '../../../src/worker/log-text.ts';

const S = 'Zq9hunter2Zq9';
const head = (message: unknown): LineHead => ({ time: '2026-11-21T12:00:00.000Z', level: 'info', message });
const parsed = (line: string): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;

const key = fc.oneof(
  fc.constantFrom('item', 'try', 'stream', 'n', 'msg', 'time', 'level', '0', 'toJSON', '__proto__', 'to\u212Aen'),
  fc.constantFrom('password', 'DB_PASS-WORD', 'p.a.s.s.w.d', 'client.secret', 'x-api-key', 'tokens', 'Set-Cookie'),
  fc.string({ maxLength: 12 }),
);
const secretText = fc.constantFrom(
  `password=${S}`,
  `https://ada:${S}@host/`,
  `bearer ${S}`,
  `"api_key":"${S}"`,
  `\\"token\\": \\"${S}\\"`,
  `-----BEGIN PRIVATE KEY-----\n${S}`,
);
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), secretText, fc.constant(`-${S}-`));
const plain = fc.oneof(text, fc.double(), fc.integer(), fc.boolean(), fc.constantFrom(null, undefined, -0, 1e21));
const odd = fc.oneof(
  fc.bigInt(),
  fc.constantFrom(Symbol('s'), () => 5, new Date(0), new Map([[1, 2]]), new RangeError(`password=${S}`)),
  fc.array(plain, { maxLength: 3 }),
  fc.dictionary(key, plain, { maxKeys: 3 }),
);
const fields = fc.dictionary(key, fc.oneof({ weight: 5, arbitrary: plain }, odd), { maxKeys: 5 });

describe('a line of the log', () => {
  it('says the same in the quick way as in the careful one', () => {
    fc.assert(
      fc.property(text, fields, fields, fields, (message, job, item, own) => {
        const bindings = bind(bind(NO_BINDINGS, job), item);
        const msg = redactText(message);
        const careful = carefulLine({ ...head(message), msg }, { fields: { ...job, ...item }, json: null }, own);
        expect(parsed(lineText(head(message), bindings, own))).toEqual(parsed(careful));
      }),
      { numRuns: 2_000 },
    );
  });

  it('holds no secret that has a name or a form', () => {
    const named = fc.constantFrom('password', 'DB_PASSWORD', 'p-a-s-s-w-d', 'secret', 'apiKey', 'to\u212Aen', 'cookie');
    const at = fc.constantFrom('message', 'own', 'bound', 'deep', 'replaced');
    fc.assert(
      fc.property(at, named, secretText, fc.boolean(), (where, name, secret, isOdd) => {
        const value = { [name]: S, note: secret };
        const more: LogFields = isOdd ? { big: 5n } : { n: 1 };
        const bindings = bind(NO_BINDINGS, where === 'bound' ? value : where === 'replaced' ? { item: secret } : {});
        const own = where === 'own' ? value : where === 'deep' ? { a: [{ b: value }] } : { item: 'x' };
        const line = lineText(head(where === 'message' ? secret : 'fine'), bindings, { ...own, ...more });
        expect(line).not.toContain(S);
      }),
    );
  });

  it('holds no number that is a password, and every count', () => {
    for (const more of [{}, { big: 5n }]) {
      const given = { password: 12_345_678, token: 7, max_tokens: 512, passed: true, ...more };
      const line = parsed(lineText(head('x'), bind(NO_BINDINGS, { pass_phrase: 1 }), given));
      expect(line).toMatchObject({ password: '[redacted]', pass_phrase: '[redacted]', token: 7, max_tokens: 512 });
    }
  });

  it('is written whatever a handler gives', () => {
    const throwing = {
      get a(): never {
        throw new Error('no');
      },
    };
    const loop: Record<string, unknown> = { password: S };
    loop['self'] = loop;
    const wrong = { toJSON: () => 'no line', n: 1 };
    for (const given of [throwing, loop, wrong, null, 'text', [1, 2], new Proxy({}, { ownKeys: () => [1] as never })])
      for (const message of ['text', undefined, null, 5, Symbol('s'), loop, throwing, new Error(`password=${S}`)]) {
        const line = lineText(head(message), bind(NO_BINDINGS, given as LogFields), given as unknown as LogFields);
        expect(typeof parsed(line)['msg']).toBe('string');
        expect(line).not.toContain(S);
        expect(line).not.toContain('no line"');
      }
    expect(parsed(lineText(head(new RangeError('too far')), NO_BINDINGS, undefined))['msg']).toBe(
      'RangeError: too far',
    );
    expect(parsed(lineText(head('x'), NO_BINDINGS, wrong))).toMatchObject({ n: 1 });
  });

  it('is of bounded length, control characters included, and cut beside secrets', () => {
    const most = 64 * 1024;
    for (const piece of ['x', '\0', '\u{1F600}', '"', 'word '])
      for (const given of [{}, { n: 1 }, { y: piece.repeat(100_000) }, { y: [piece.repeat(100_000)] }]) {
        const line = lineText(head(piece.repeat(1_000_000)), bind(NO_BINDINGS, { item: 'a' }), given);
        expect(line.length).toBeLessThanOrEqual(most);
        expect(parsed(line)['msg']).toMatch(/^.{1000}/su);
      }
    const cut = `${'x'.repeat(most / 2 - 20)} https://ada:${S}@host ${'y'.repeat(100)}`;
    expect(lineText(head(cut), NO_BINDINGS, undefined)).not.toContain('hunter');
  });
});
