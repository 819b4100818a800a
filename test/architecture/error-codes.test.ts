import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/errors/catalogue.ts';
import { readFiles, sourceFiles } from './files.ts';
import { codeUse } from './rules/error-codes.ts';

const codes = Object.keys(catalogue);

describe('every error code', () => {
  it('is thrown somewhere and provoked by a test', () => {
    const tests = new Map([...readFiles(['test'], ['.ts'])].filter(([path]) => !path.startsWith('test/architecture/')));
    expect(codeUse(codes, { source: sourceFiles(), tests })).toEqual({ neverThrown: [], neverTested: [] });
  });

  it('has words for people: a sentence, and a remedy without a trailing period', () => {
    for (const [code, { summary, hint }] of Object.entries(catalogue)) {
      expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
      expect(summary, code).toMatch(/^[A-Z].*\.$/);
      expect(hint, code).toMatch(/[^.]$/);
    }
  });

  it('a code nobody throws, or that only the catalogue and comments name, is found', () => {
    const source = new Map([
      ['src/errors/catalogue/a.ts', "const a = 'A_CODE';"],
      ['src/worker/a.ts', "/** @throws B_CODE */ throw new AppError('C_CODE', {});"],
    ]);
    const tests = new Map([
      ['test/unit/a.test.ts', "expect(code).toBe('C_CODE'); // B_CODE\nexpect(other).toBe('A_CODE_TOO');"],
    ]);
    expect(codeUse(['A_CODE', 'B_CODE', 'C_CODE'], { source, tests })).toEqual({
      neverThrown: ['A_CODE', 'B_CODE'],
      neverTested: ['A_CODE', 'B_CODE'],
    });
  });
});
