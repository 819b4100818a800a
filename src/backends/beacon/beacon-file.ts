import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Beacon, BeaconReading, Beacons, BeaconTask } from '../../ports/beacon.ts';
import { errnoOf } from '../shared/fs-errno.ts';
import { scratchFull } from '../shared/scratch-full.ts';
import { decode, encodeHead, END_OFFSET, EXITED, HEAD_BYTES, SLOT_BYTES, slotOffset } from './layout.ts';
import { startWatchdog, type Watchdog } from './watchdog.ts';

/** Room for these is written when the file is made, so that a disk that fills up later does not silence the beacon. */
const FIRST_SLOTS = 1_024;

const MOST_SLOTS = 2 ** 20;

/** Beacons in files on node-local disk. */
export function createBeacons(): Beacons {
  return { create: createBeacon, read: readBeacon };
}

function createBeacon(path: string): Beacon {
  const file = openFile(path);
  let slots = 0;
  /** Tasks entered; part of what `begin` returns, because a handler that ignores its signal may end when another task is being run. */
  let tasks = 0;
  let busy = false;
  let watchdog: Watchdog | null = null;
  const free: number[] = [];
  return {
    enter(task) {
      busy = true;
      tasks += 1;
      free.length = 0;
      file.head(task, slots);
      slots = 0;
      if (task.stuckAfterMs === undefined) return watchdog?.rest();
      watchdog ??= startWatchdog(file.fd);
      watchdog?.watch(task.stuckAfterMs);
    },
    begin(item) {
      const slot = free.pop() ?? slots++;
      file.put(item + 1, slotOffset(slot));
      watchdog?.begun(1);
      return tasks * MOST_SLOTS + slot;
    },
    end(token) {
      const slot = token % MOST_SLOTS;
      if (token - slot !== tasks * MOST_SLOTS) return;
      file.put(0, slotOffset(slot));
      free.push(slot);
      watchdog?.begun(-1);
    },
    leave() {
      busy = false;
      watchdog?.rest();
      file.put(0, 0);
    },
    exiting(code) {
      if (busy) file.put(EXITED + Math.max(0, code), END_OFFSET);
      return busy;
    },
    close() {
      watchdog?.stop();
      watchdog = null;
      file.close();
    },
  };
}

/** Half of the truth would accuse the wrong item: a beacon that cannot be written says nothing any more. */
function openFile(path: string) {
  const fd = openNew(path);
  const slotBytes = Buffer.alloc(SLOT_BYTES);
  let isOpen = true;
  const write = (bytes: Uint8Array, position: number): void => {
    if (!isOpen) return;
    try {
      writeSync(fd, bytes, 0, bytes.length, position);
    } catch {
      silence();
    }
  };
  const silence = (): void => {
    isOpen = false;
    try {
      ftruncateSync(fd);
    } catch {
      // Then it cannot be read either, as far as anybody can tell.
    }
  };
  return {
    fd,
    head(task: BeaconTask, slots: number): void {
      try {
        write(encodeHead(task, slots), 0);
      } catch {
        silence();
      }
    },
    put(value: number, position: number): void {
      slotBytes.writeUInt32LE(value, 0);
      write(slotBytes, position);
    },
    close(): void {
      silence();
      closeSync(fd);
    },
  };
}

function openNew(path: string): number {
  try {
    const fd = openSync(path, 'wx', 0o600);
    writeSync(fd, Buffer.alloc(HEAD_BYTES + FIRST_SLOTS * SLOT_BYTES), 0);
    return fd;
  } catch (error) {
    throw scratchFull(error, path);
  }
}

function readBeacon(path: string): BeaconReading | null {
  try {
    return decode(readFileSync(path));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
