/** Are people told what they asked to be told? Pure. */
import type { HealthFinding } from '../../domain/health.ts';
import { formatDuration } from '../../domain/units.ts';
import { undeliveredTodo, undeliveredWords, type Undelivered } from '../alerts/undelivered.ts';

/** What fails for so long has been tried half a dozen times. */
const DEAD_MS = 60 * 60_000;

/** Whoever goes by messages relies on them: a channel that stays dead fails. What was given up nobody can mend any more. */
export const judgeOutbox = (undelivered: readonly Undelivered[], nowMs: number): HealthFinding[] =>
  undelivered.map((one) => {
    const forMs = Math.max(0, nowMs - one.sinceMs);
    const why = one.error === null ? '' : `: ${one.error}`;
    return {
      check: 'undelivered',
      verdict: one.waiting > 0 && forMs >= DEAD_MS ? 'fail' : 'warn',
      jobId: null,
      found: `${undeliveredWords(one)}, for ${formatDuration(forMs)}${why}`,
      remedy: undeliveredTodo(one),
    };
  });
