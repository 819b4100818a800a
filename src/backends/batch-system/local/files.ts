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
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, path);
}

/** Creates a file with its whole content at once; false when it exists. Works on NFS, where O_EXCL and the content are two steps. */
export function createFile(path: string, text: string, unique: string): boolean {
  const temporary = join(dirname(path), `.${basename(path)}.${unique}`);
  writeFileSync(temporary, text, { mode: 0o600 });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
