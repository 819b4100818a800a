import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isRoot } from './refusal.ts';

/** Only root can mount; elsewhere the tests of full disks cannot run, and say so. */
export const canMount = isRoot;
if (!canMount) console.warn('the tests of full disks need root to mount small ones: they do not run');

/** Runs `fn` with a directory on a file system of its own of `megabytes`, in `parent`. */
export async function withSmallDisk<T>(
  parent: string,
  { megabytes, inodes }: { readonly megabytes: number; readonly inodes?: number },
  fn: (disk: { readonly path: string; readonly grow: (megabytes: number) => void }) => Promise<T>,
): Promise<T> {
  const path = join(parent, 'disk');
  mkdirSync(path);
  const options = `size=${megabytes}m${inodes === undefined ? '' : `,nr_inodes=${inodes}`}`;
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]);
  try {
    return await fn({
      path,
      grow: (more) => execFileSync('mount', ['-o', `remount,size=${more}m`, path]),
    });
  } finally {
    // Lazily: a supervisor may sit on it until it notices that there is nothing left to do.
    execFileSync('umount', ['-l', path]);
  }
}
