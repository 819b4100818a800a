import { realpath, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../backends/shared/fs-errno.ts';
import type { FreeSpace } from '../observe/health/judge-site.ts';

export interface FreeSpaceOf extends FreeSpace {
  /** Where the file system is mounted: its name on this host, which outlives a reboot. */
  readonly mount: string;
}

/** Space left for these directories, each file system once; what is not there, or is no directory of this host, is left out. */
export async function freeSpace(directories: readonly string[]): Promise<FreeSpaceOf[]> {
  const found = new Map<number, FreeSpaceOf>();
  for (const path of directories) {
    try {
      const { dev } = await stat(path);
      if (found.has(dev)) continue;
      const { bavail, bsize, files, ffree } = await statfs(path);
      const mount = await mountOf(await realpath(path), dev);
      found.set(dev, { path, mount, freeBytes: bavail * bsize, freeInodes: files === 0 ? null : ffree });
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      // A home directory is made by the first submit.
    }
  }
  return [...found.values()];
}

/** The uppermost directory above it on the same device. */
async function mountOf(path: string, dev: number): Promise<string> {
  const above = dirname(path);
  return above === path || (await stat(above)).dev !== dev ? path : mountOf(above, dev);
}
