import { describe, expect, it } from 'vitest';
import { createLinePattern } from '../../../../src/backends/log/line-pattern.ts';

describe('line pattern', () => {
  it('says of each text whether it matches', () => {
    expect(createLinePattern('time-?out|no [a-z]+').matching(['timeout', 'no row', 'No 1', ''])).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(createLinePattern('x').matching([])).toEqual([]);
  });

  it('is ended when it takes too long, and can be asked again', () => {
    const pattern = createLinePattern('^(a+)+$', 100);
    const startMs = performance.now();
    expect(() => pattern.matching(['aa', `${'a'.repeat(50)}!`])).toThrow('"^(a+)+$" takes longer than 0.1 s');
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(pattern.matching(['aaa'])).toEqual([true]);
  });

  it('refuses what is no regular expression', () => {
    expect(() => createLinePattern('[')).toThrow('--grep: found "[", expected a regular expression');
  });
});
