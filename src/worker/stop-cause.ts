import type { Cause } from '../domain/causes.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { metaKey } from '../domain/state-keys.ts';
import { drainCause } from './drain-plan.ts';
import type { ElementContext, StopReason } from './needs.ts';
import { isTransient } from './patience.ts';

/**
 * Why the worker was told to stop. A SIGTERM does not name its sender, but a paused job does. Asked once: there may be little time, and a table that
 * does not answer is no reason to stay.
 */
export async function stopCause({ deps, input }: ElementContext): Promise<Cause> {
  const reason = deps.stop.reason as StopReason;
  const guess = drainCause({ reason, nowMs: deps.clock.nowMs(), endsAtMs: input.endsAtMs });
  if (guess !== 'preempted') return guess;
  try {
    const meta = (await deps.state.get(metaKey(input.assignment.job))) as JobMeta | null;
    return meta?.state === 'PAUSED' ? 'paused' : guess;
  } catch (error) {
    if (!isTransient(error)) throw error;
    return guess;
  }
}
