import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeFailure } from '../../../../src/backends/shared/fs-errno.ts';
import { makeDirectory } from '../../../../src/backends/shared/fs-directory.ts';
import { withTempDir } from '../../../support/temp-dir.ts';

const failed = (code: string, syscall: string, path?: string): Error =>
  Object.assign(new Error(`${code}: words of the system`), { code, syscall, ...(path === undefined ? {} : { path }) });

describe('a failed system call in words', () => {
  it.each<[error: Error, words: string]>([
    [failed('EACCES', 'mkdir', '/home/a'), 'cannot make the directory /home/a: permission denied (EACCES)'],
    [failed('ENOSPC', 'write'), 'cannot write /home/a/b/c: no space or inodes left on the device (ENOSPC)'],
    [failed('EDQUOT', 'link', '/home/a/x'), '/home/a/x: the quota is used up (EDQUOT)'],
    [failed('EROFS', 'open', '/home/a/b'), 'cannot open /home/a/b: the file system is read-only (EROFS)'],
    [failed('EIO', 'read'), '/home/a/b/c: EIO: words of the system'],
  ])('%s', (error, words) => expect(describeFailure(error, '/home/a/b/c')).toBe(words));

  it('keeps the reason that a recursive mkdir gives when it is a real one', () =>
    withTempDir(async (directory) => {
      writeFileSync(join(directory, 'file'), '');
      await expect(makeDirectory(join(directory, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
      mkdirSync(join(directory, 'there'));
      await makeDirectory(join(directory, 'there/a/b'));
      expect(await readdir(join(directory, 'there/a'))).toEqual(['b']);
      await expect(mkdir(join(directory, 'there'))).rejects.toMatchObject({ code: 'EEXIST' });
    }));
});
