import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf, isMissing } from '../../shared/fs-errno.ts';

/** The text of a file, or null when it does not exist. */
export function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

export const makePrivateDir = (path: string): void => {
  mkdirSync(path, { recursive: true, mode: 0o700 });
};

/** Creates or replaces a file so that a reader sees all of it or none. `unique` keeps two writers apart. */
export function replaceFile(path: string, text: string, unique: string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${unique}`);
  writeAndRename(temporary, path, text);
}

/** `temporary` must be on the file system of `path`; it does not outlive a failure. */
export function writeAndRename(temporary: string, path: string, text: string): void {
  try {
    writeFileSync(temporary, text, { mode: 0o600, flush: true });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Creates a file with its whole content at once; false when it exists. Works on NFS, where O_EXCL and the content are two steps. */
export function createFile(path: string, text: string, unique: string): boolean {
  const temporary = join(dirname(path), `.${basename(path)}.${unique}`);
  try {
    writeFileSync(temporary, text, { mode: 0o600 });
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
