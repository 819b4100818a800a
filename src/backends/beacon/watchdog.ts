import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { IN_FLIGHT, LIMIT_LOOKS, LOOK_EVERY_MS, NUMBERS, TURNS, type WatchdogData } from './watchdog-words.ts';

/**
 * A thread that ends the process when the handler does not let the event loop turn: nothing on the loop itself, no timer and no signal
 * handler, can then do it. It counts its own looks and not the time, so a process that was suspended is not taken for a stuck one.
 */
export interface Watchdog {
  /** While items are in flight the loop has to turn at least once in `stuckAfterMs`. Nothing is in flight yet. */
  watch(stuckAfterMs: number): void;
  begun(items: 1 | -1): void;
  /** Nothing is watched until the next `watch`. */
  rest(): void;
  stop(): void;
}

/** @param fd of the beacon, into which the thread writes why it ended the process */
export function startWatchdog(fd: number): Watchdog | null {
  const numbers = new Int32Array(new SharedArrayBuffer(NUMBERS * 4));
  const entry = entryPath();
  if (!existsSync(entry)) return null;
  const data: WatchdogData = { numbers, fd };
  const thread = new Worker(entry, { workerData: data, stdin: false, resourceLimits: { maxOldGenerationSizeMb: 16 } });
  thread.unref();
  // Without its watchdog a worker is what it was before there were any.
  thread.on('error', () => undefined);
  const turning = setInterval(() => Atomics.add(numbers, TURNS, 1), LOOK_EVERY_MS);
  turning.unref();
  return {
    watch(stuckAfterMs) {
      Atomics.store(numbers, IN_FLIGHT, 0);
      Atomics.store(numbers, LIMIT_LOOKS, Math.ceil(stuckAfterMs / LOOK_EVERY_MS));
    },
    begun: (items) => void Atomics.add(numbers, IN_FLIGHT, items),
    rest() {
      Atomics.store(numbers, LIMIT_LOOKS, 0);
      Atomics.store(numbers, IN_FLIGHT, 0);
    },
    stop() {
      clearInterval(turning);
      void thread.terminate();
    },
  };
}

/** Threads need JavaScript: run from its sources, the process uses what is built, where there is anything. */
function entryPath(): string {
  const here = fileURLToPath(import.meta.url);
  if (here.endsWith('.js')) return join(dirname(here), 'watchdog-main.js');
  const src = here.lastIndexOf('/src/');
  return join(`${here.slice(0, src)}/dist/${dirname(here.slice(src + '/src/'.length))}`, 'watchdog-main.js');
}
