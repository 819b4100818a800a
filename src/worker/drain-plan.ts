import type { Cause } from '../domain/causes.ts';
import type { StopReason } from './needs.ts';

/** How long items in flight may go on after the stop signal. */
const GRACE_MS = 10_000;
/** Kept for flushing, the last segment and the state write. */
const SAVE_MS = 15_000;
/** Slurm's KillWait by default: a SIGTERM this close to the limit is the limit. */
const KILL_WAIT_MS = 30_000;

export interface DrainSituation {
  readonly reason: StopReason;
  readonly nowMs: number;
  /** Null: no time limit. */
  readonly endsAtMs: number | null;
}

/** Milliseconds items in flight may still use before their signal is aborted. */
export function drainGraceMs({ reason, nowMs, endsAtMs }: DrainSituation): number {
  if (endsAtMs === null) return GRACE_MS;
  // After SIGTERM the process is killed KillWait later, whatever the limit says.
  const leftMs = endsAtMs - nowMs;
  const usableMs = reason === 'drain:terminated' ? Math.min(leftMs, KILL_WAIT_MS) : leftMs;
  return Math.max(0, Math.min(GRACE_MS, usableMs - SAVE_MS));
}

/** What to name as the reason that the attempt ended. Nothing tells a SIGTERM of preemption from one at the limit, except the time left. */
export function drainCause({ reason, nowMs, endsAtMs }: DrainSituation): Cause {
  if (reason === 'drain:time-limit') return 'time-limit';
  return endsAtMs !== null && endsAtMs - nowMs <= KILL_WAIT_MS ? 'time-limit' : 'preempted';
}
