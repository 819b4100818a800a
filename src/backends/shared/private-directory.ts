import { lstat, mkdir } from 'node:fs/promises';
import { messageOf } from '../../errors/app-error.ts';
import { isMissing } from './fs-errno.ts';

/**
 * Makes a directory of this user alone. Null when it is one, else why it is not: what lies in a directory that others can write to could be
 * somebody else's.
 */
export async function preparePrivateDirectory(path: string, uid: number): Promise<string | null> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    return `${path} cannot be made: ${messageOf(error)}`;
  }
  try {
    const stats = await lstat(path);
    if (!stats.isDirectory()) return `${path} is not a directory`;
    if (stats.uid !== uid) return `${path} belongs to user ${stats.uid}`;
    return (stats.mode & 0o077) === 0 ? null : `${path} can be entered by other users`;
  } catch (error) {
    return isMissing(error) ? `${path} does not exist` : `${path} cannot be looked at: ${messageOf(error)}`;
  }
}
