import { lstatSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { AppError, messageOf } from '../../errors/app-error.ts';
import type { ObjectStore } from '../../ports/object-store.ts';
import type { SpillPlace } from '../../ports/spill.ts';
import { describeFailure, isMissing, troubleOf } from '../shared/fs-errno.ts';

/** Opens a directory as an object store. */
type OpenDirectory = (root: string) => ObjectStore;

/** `<home>/spill`. A home that is missing here is never made: it would be a directory of this node that nobody else sees. */
export function createSharedSpillPlace(home: string, open: OpenDirectory): SpillPlace {
  const root = join(home, 'spill');
  return {
    store: open(root),
    path: root,
    isThere: () => isDirectory(root),
    prepare() {
      if (!isDirectory(home)) throw unfit(`the home directory ${home} does not exist on this node`);
    },
  };
}

/**
 * A directory of this user on a disk of this node: below SLURMCTL_SCRATCH where that is set, else below /var/tmp, which is neither emptied when a
 * job ends nor when a node boots, as SLURM_TMPDIR, TMPDIR and /tmp often are. Others can write to /var/tmp, too, so the directory has to be this
 * user's own, closed to others, and no link. The sweep of scratch directories does not know its name.
 */
export function createLocalSpillPlace(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly open: OpenDirectory;
  /** Numeric id of this user. */
  readonly uid: number;
}): SpillPlace {
  const { env, open, uid } = options;
  const scratch = env['SLURMCTL_SCRATCH'];
  const root = join(scratch === undefined || scratch === '' ? '/var/tmp' : scratch, `slurmctl-spill.${uid}`);
  return {
    store: open(root),
    path: root,
    isThere: () => flawOf(root, uid) === null,
    prepare() {
      makePrivate(root);
      const flaw = flawOf(root, uid);
      if (flaw !== null) throw unfit(`${root} ${flaw}`);
    },
  };
}

const unfit = (message: string, cause?: unknown): AppError => new AppError('SCRATCH_UNFIT', { message, cause });

function makePrivate(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    if (troubleOf(error) === 'full')
      throw new AppError('SCRATCH_FULL', { message: describeFailure(error, path), cause: error });
    throw unfit(describeFailure(error, path), error);
  }
}

/** Why results in this directory could be somebody else's, or read by them; null: they cannot. */
function flawOf(path: string, uid: number): string | null {
  try {
    const stats = lstatSync(path);
    if (!stats.isDirectory()) return 'is not a directory';
    if (stats.uid !== uid) return `belongs to user ${stats.uid}`;
    return (stats.mode & 0o077) === 0 ? null : 'can be entered by other users';
  } catch (error) {
    return isMissing(error) ? 'does not exist' : `cannot be looked at: ${messageOf(error)}`;
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
