import { closeSync, fdatasync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { encodeEvent, type ElementEvent } from './events.ts';

/** The supervisor's end of `events.jsonl`. */
export interface Journal {
  /**
   * Appends; false when the file system would not take it (full, quota). The event is then kept and goes out with the next
   * successful write, in order.
   */
  append(event: ElementEvent): boolean;
  /** Tries to write what is kept; true when nothing is left. */
  flush(): boolean;
  close(): void;
}

/** Time between an event and its being asked onto the disk itself; a crash of the host may cost this much of the journal. */
const SYNC_EVERY_MS = 200;

/** @param path created when absent; a half-written last line is closed off. */
export function openJournal(path: string): Journal {
  const fd = openSync(path, 'a+', 0o600);
  let kept: Buffer<ArrayBufferLike> = endsInLine(fd) ? Buffer.alloc(0) : Buffer.from('\n');
  let syncDue: NodeJS.Timeout | null = null;
  let closed = false;
  const flush = (): boolean => {
    try {
      while (kept.length > 0) kept = kept.subarray(writeSync(fd, kept));
    } catch {
      return false;
    }
    syncDue ??= setTimeout(() => {
      syncDue = null;
      if (!closed) fdatasync(fd, () => {});
    }, SYNC_EVERY_MS).unref();
    return true;
  };
  return {
    flush,
    append(event) {
      const line = Buffer.from(encodeEvent(event));
      kept = kept.length === 0 ? line : Buffer.concat([kept, line]);
      return flush();
    },
    close() {
      closed = true;
      if (syncDue !== null) clearTimeout(syncDue);
      closeSync(fd);
    },
  };
}

function endsInLine(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last.toString() === '\n';
}
