/** The watchdog's thread, see watchdog.ts. */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { END_OFFSET, STUCK } from './layout.ts';
import { IN_FLIGHT, LIMIT_LOOKS, LOOK_EVERY_MS, TURNS, type WatchdogData } from './watchdog-words.ts';

const { numbers, fd } = workerData as WatchdogData;
let seen = -1;
let looks = 0;

setInterval(() => {
  const turns = Atomics.load(numbers, TURNS);
  const limit = Atomics.load(numbers, LIMIT_LOOKS);
  looks = turns === seen && limit > 0 && Atomics.load(numbers, IN_FLIGHT) > 0 ? looks + 1 : 0;
  seen = turns;
  if (limit > 0 && looks >= limit) end();
}, LOOK_EVERY_MS);

function end(): void {
  const why = Buffer.alloc(4);
  why.writeUInt32LE(STUCK);
  try {
    writeSync(fd, why, 0, why.length, END_OFFSET);
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}
