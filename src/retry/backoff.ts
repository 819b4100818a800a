/**
 * Capped exponential backoff with full jitter: uniform in [0, min(max, base · 2^(tries − 1))], so that tasks which failed together do not
 * come back together (Brooker, "Exponential Backoff And Jitter", 2015).
 *
 * @param tries failed tries so far, at least 1
 * @param random uniform in [0, 1)
 * @returns whole milliseconds
 */
export function backoffMs(
  tries: number,
  bounds: { readonly baseMs: number; readonly maxMs: number },
  random: number,
): number {
  const ceiling = Math.min(bounds.maxMs, bounds.baseMs * 2 ** Math.min(tries - 1, 40));
  return Math.floor(random * ceiling);
}
