import type { Clock } from '../ports/clock.ts';

/** Between two looks of `show --watch`. */
const WATCH_MS = 2_000;

/** One look after the other until `signal`. */
export async function* lookAgain<D>(
  clock: Clock,
  signal: AbortSignal | undefined,
  look: () => Promise<D>,
): AsyncGenerator<D> {
  for (;;) {
    yield await look();
    await clock.sleep(WATCH_MS, signal);
  }
}
