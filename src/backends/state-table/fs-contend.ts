import { AppError } from '../../errors/app-error.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Ids } from '../../ports/random.ts';

/** Lost races taken up again at once. */
const EAGER_ATTEMPTS = 3;
const MAX_PAUSE_MS = 40;
const MAX_ATTEMPTS = 1_000;
const MAX_CONTENTION_MS = 20_000;
/** The alphabet of ids, in order. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * Repeats an attempt while it answers null (somebody else was faster), with pauses of random length that grow with the number of
 * losses. Somebody's write succeeds in every round, so the whole makes progress. @throws STATE_UNAVAILABLE after 20 s of losing
 */
export async function contend<T>(clock: Clock, ids: Ids, what: string, attempt: () => Promise<T | null>): Promise<T> {
  const startMs = clock.monotonicMs();
  for (let losses = 1; losses <= MAX_ATTEMPTS; losses += 1) {
    const answer = await attempt();
    if (answer !== null) return answer;
    if (clock.monotonicMs() - startMs > MAX_CONTENTION_MS) break;
    if (losses > EAGER_ATTEMPTS) await clock.sleep(Math.min(losses, MAX_PAUSE_MS) * fraction(ids));
  }
  throw new AppError('STATE_UNAVAILABLE', {
    message: `state item ${what} is being written by too many others at once`,
  });
}

/** Jitter in [0, 1) from the secure source of ids. */
function fraction(ids: Ids): number {
  let sum = 0;
  for (const char of ids.token(3)) sum = sum * 32 + DIGITS.indexOf(char);
  return sum / 32 ** 3;
}
