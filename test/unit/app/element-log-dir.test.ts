import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeElementLogDir } from '../../../src/app/job-backends.ts';
import { withTempDir } from '../../support/temp-dir.ts';

describe('the directory of the raw output of elements', () => {
  it('is made', () =>
    withTempDir(async (home) => {
      expect(await makeElementLogDir(home, 'j', 'finaliser')).toBe(join(home, 'elements/j/advance'));
      expect(existsSync(join(home, 'elements/j/advance'))).toBe(true);
    }));

  it('that cannot be made is no bug, but a place that somebody has to look at', () =>
    withTempDir(async (home) => {
      writeFileSync(join(home, 'elements'), 'a file');
      const made = makeElementLogDir(home, 'j', 'array');
      await expect(made).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE', exitCode: 5 });
      await expect(made).rejects.toThrow(join(home, 'elements/j'));
    }));
});
