import { stat, statfs } from 'node:fs/promises';
import { errnoOf } from '../backends/shared/fs-errno.ts';
import type { FreeSpace } from '../observe/health/judge-site.ts';

/** Space left for these directories, each file system once; what is not there, or is no directory of this host, is left out. */
export async function freeSpace(directories: readonly string[]): Promise<FreeSpace[]> {
  const found = new Map<number, FreeSpace>();
  for (const path of directories) {
    try {
      const { dev } = await stat(path);
      const { bavail, bsize, files, ffree } = await statfs(path);
      if (!found.has(dev)) found.set(dev, { path, freeBytes: bavail * bsize, freeInodes: files === 0 ? null : ffree });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      // A home directory is made by the first submit.
    }
  }
  return [...found.values()];
}
