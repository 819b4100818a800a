/**
 * The time of a file system, from the mtime of files just written. NFS servers stamp with their own clock, one for all clients; local file systems with
 * the clock of this host. Lustre and GPFS stamp with the clock of the client: there the time is only as common as the clocks of the nodes are.
 */

import { unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';
import type { SharedTime } from '../../ports/shared-time.ts';
import { createFile, writeAll } from '../shared/fs-directory.ts';
import { createTimeKeeper } from '../shared/shared-time.ts';
import { onState } from './fs-state-error.ts';

/** File times are those of the last timer tick, which comes at least 100 times a second. */
const TICK_MS = 10;
const SECOND_MS = 1_000;
const NS_PER_MS = 1_000_000;

interface FsTime {
  readonly sharedTime: SharedTime;
  readonly noteWritten: (file: FileHandle, sinceMs: number) => Promise<void>;
}

/** Files that are written for nothing but their time go into `directory`, whose clean-up takes what a killed process leaves. */
export function createFsTime(options: {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly directory: string;
}): FsTime {
  const { clock, ids, directory } = options;
  const time = createTimeKeeper({ clock, place: directory, ask: () => onState(directory, writeForTime()) });

  async function note(file: FileHandle, sentMs: number): Promise<void> {
    const { mtimeNs } = await file.stat({ bigint: true });
    const stampMs = Number(mtimeNs / 1_000n) / 1_000;
    // A file system that keeps whole seconds is told by one; one stamp in a billion of the others is too.
    const stepMs = mtimeNs % BigInt(SECOND_MS * NS_PER_MS) === 0n ? SECOND_MS : TICK_MS;
    time.note({ sentMs, receivedMs: clock.monotonicMs(), stampMs, stepMs });
  }

  async function writeForTime(): Promise<void> {
    const path = join(directory, ids.token(16));
    const sentMs = clock.monotonicMs();
    const file = await createFile(path);
    try {
      await writeAll(file, Buffer.from('\n'));
      // Without this a network file system may stamp the file here and ask its server later.
      await file.sync();
      await note(file, sentMs);
    } finally {
      await file.close().catch(() => {});
      await unlink(path).catch(() => {});
    }
  }

  return {
    sharedTime: time.sharedTime,
    async noteWritten(file, sinceMs) {
      if (time.isAsked()) await note(file, sinceMs).catch(() => {});
    },
  };
}
