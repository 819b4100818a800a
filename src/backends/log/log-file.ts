import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { LogFile, LogFiles } from '../../ports/log-file.ts';

/**
 * Files that only their writer's node reads. Written at once and never synced: what is in the page cache survives the process, and when the node
 * dies nobody reads it.
 */
export function createLogFiles(): LogFiles {
  return { create: createLogFile, read: readWholeLines };
}

function createLogFile(path: string): LogFile {
  let fd = open(path);
  const give = (): void => {
    if (fd === null) return;
    const old = fd;
    fd = null;
    try {
      closeSync(old);
    } catch {
      // It is of no use any more either way.
    }
  };
  return {
    append(text) {
      if (fd === null) return false;
      try {
        // A disk that is nearly full may take a part: the line is torn then, and readers leave it out.
        if (writeSync(fd, text) === Buffer.byteLength(text)) return true;
      } catch {
        // Full, read-only, or taken away.
      }
      give();
      return false;
    },
    close: give,
  };
}

function open(path: string): number | null {
  try {
    return openSync(path, 'wx', 0o600);
  } catch {
    return null;
  }
}

function readWholeLines(path: string, mostBytes: number): string | null {
  try {
    const fd = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(Math.min(mostBytes, fstatSync(fd).size));
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read)
        read = readSync(fd, bytes, length, bytes.length - length, length);
      const end = bytes.subarray(0, length).lastIndexOf('\n');
      return end < 0 ? null : bytes.toString('utf8', 0, end + 1);
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}
