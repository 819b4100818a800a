import type { Clock } from '../../ports/clock.ts';

/** A program that is killed when its time is over needs a moment to be gone, and to have said why. */
const LAST_WORDS_MS = 1_000;

/**
 * What `send` makes, or what it throws; null: it took no notice of its signal, which fires after `mostMs`, and nobody waits for it any longer.
 */
export async function sendInTime(
  clock: Pick<Clock, 'after'>,
  mostMs: number,
  send: (signal: AbortSignal) => Promise<string>,
): Promise<string | null> {
  const ending = new AbortController();
  const stops: (() => void)[] = [];
  const late = new Promise<null>((resolve) => {
    stops.push(
      clock.after(mostMs, () => ending.abort()),
      clock.after(mostMs + LAST_WORDS_MS, () => resolve(null)),
    );
  });
  try {
    return await Promise.race([send(ending.signal), late]);
  } finally {
    for (const stop of stops) stop();
  }
}
