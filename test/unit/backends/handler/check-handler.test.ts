import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkHandler } from '../../../../src/backends/handler-check/check-handler.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const handler = (path: string) => ({ kind: 'module', path, concurrency: 1, timeoutMs: 1_000 }) as const;

test('a directory that is gone is said to be, and is no bug', () =>
  withTempDir(async (dir) => {
    const gone = join(dir, 'gone');
    await expect(checkHandler(handler(join(gone, 'handler.mjs')), gone)).rejects.toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: `${gone}/handler.mjs was not looked at: no process can be started in ${gone}: ENOENT`,
      hint: expect.stringContaining('directory of the job file') as string,
    });
  }));

test('so is what the system throws at once', () =>
  withTempDir(async (dir) => {
    const argv = ['program', 'x'.repeat(3_000_000)] as const;
    await expect(checkHandler({ ...handler('x'), kind: 'command', argv } as never, dir)).rejects.toMatchObject({
      code: 'HANDLER_NOT_LOADABLE',
      message: `program was not looked at: no process can be started in ${dir}: E2BIG`,
      hint: expect.stringContaining('shorten it') as string,
    });
  }));
