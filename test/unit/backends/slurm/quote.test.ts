import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteForShell } from '../../../../src/backends/batch-system/shared/quote.ts';
import { isAppError } from '../../../../src/errors/app-error.ts';

/** The arguments a program really gets when bash runs a script with these words. */
function argvThroughBash(texts: readonly string[]): string[] {
  const script = `exec -- printf '%s\\0' ${texts.map(quoteForShell).join(' ')}\n`;
  const out = execFileSync('bash', ['-s'], { input: Buffer.from(script) });
  return out.toString('utf8').split('\0').slice(0, -1);
}

const HOSTILE = [
  '',
  ' ',
  "'",
  "''",
  '"',
  String.raw`\'`,
  '$(touch /tmp/never)',
  '`id`',
  '${HOME}',
  '$HOME',
  "$'\\n'",
  'a\nb',
  'a\r\nb\r',
  '\n#SBATCH --exclusive\n',
  'tab\there',
  '-n',
  '--help',
  '!event',
  '*?[a-z]{1,2}~',
  '; rm -rf / #',
  '{{command}}',
  'ünïcödé 漢字 🧪',
  '\u0001\u001b[31m\u007f',
  'x'.repeat(20_000),
];

describe('quoteForShell', () => {
  it('gives a program exactly the bytes of every hostile text', () => {
    expect(argvThroughBash(HOSTILE)).toEqual(HOSTILE);
  });

  it('gives a program exactly the bytes of any text', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 }).filter((value) => !value.includes('\0'));
    const shellish = fc.string({ unit: fc.constantFrom(...Array.from('\'"\\$`\n\r(){}#!- a;&|<>*é')), maxLength: 40 });
    fc.assert(
      fc.property(fc.array(fc.oneof(text, shellish), { minLength: 1, maxLength: 40 }), (texts) => {
        expect(argvThroughBash(texts)).toEqual(texts);
      }),
      { numRuns: 40 },
    );
  });

  it('never spreads over lines', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('\n\r\'"#$ax')) }), (text) => {
        expect(quoteForShell(text)).not.toMatch(/[\n\r]/);
      }),
    );
  });

  it('refuses NUL', () => {
    expect(() => quoteForShell('a\0b')).toThrow(/NUL/);
    try {
      quoteForShell('\0');
    } catch (error) {
      expect(isAppError(error, 'CONFIG_INVALID')).toBe(true);
    }
  });
});
