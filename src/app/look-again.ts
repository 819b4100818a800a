/** One look after the other, for everything that is watched: no sooner than asked, and never for more than a sixth of the time. */
import type { Clock } from '../ports/clock.ts';

/** Between two looks of `--watch` and `--follow`, at least. */
const LOOK_EVERY_MS = 1_000;
/** After a look, rest so many times as long as it took: a look at much must not keep the state busy. */
const RESTS = 5;

/** How long to rest after a look that took `tookMs`: `rests` times as long. */
export const restAfterLook = (tookMs: number, atLeastMs = LOOK_EVERY_MS, rests = RESTS): number =>
  Math.max(atLeastMs, tookMs * rests);

/** Looks until `isLast` is found, or `signal` ends it by its reason. What is done with a look does not count as part of it. */
export async function* lookAgain<D>(
  clock: Clock,
  look: () => Promise<D>,
  { signal, isLast }: { readonly signal?: AbortSignal | undefined; readonly isLast?: (seen: D) => boolean } = {},
): AsyncGenerator<D> {
  for (;;) {
    const startedMs = clock.monotonicMs();
    const seen = await look();
    const restMs = restAfterLook(clock.monotonicMs() - startedMs);
    yield seen;
    if (isLast?.(seen) === true) return;
    await clock.sleep(restMs, signal);
  }
}
