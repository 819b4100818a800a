import type { Cause } from '../../../domain/causes.ts';
import type { ExitStatus } from './exit-status.ts';

/** What a state of Slurm means here. */
export interface StateMeaning {
  readonly phase: 'waiting' | 'running' | 'ended' | 'unknown';
  readonly cause: Cause | null;
}

type Ending = Cause | 'by-exit' | 'by-owner';

/**
 * Every job state of Slurm 21.08 to 25.x. `by-exit`: the exit status decides; `by-owner`: who cancelled it decides.
 * Slurm requeues some ended elements; they then show as PENDING, and a requeued one is never an end.
 */
const MEANINGS: Record<string, 'waiting' | 'running' | { readonly ended: Ending }> = {
  PENDING: 'waiting',
  CONFIGURING: 'waiting',
  POWER_UP_NODE: 'waiting',
  REQUEUED: 'waiting',
  REQUEUE_FED: 'waiting',
  REQUEUE_HOLD: 'waiting',
  RESV_DEL_HOLD: 'waiting',
  SPECIAL_EXIT: 'waiting',
  EXPEDITING: 'waiting',
  RUNNING: 'running',
  COMPLETING: 'running',
  SUSPENDED: 'running',
  STOPPED: 'running',
  SIGNALING: 'running',
  STAGE_OUT: 'running',
  RESIZING: 'running',
  UPDATE_DB: 'running',
  COMPLETED: { ended: 'by-exit' },
  FAILED: { ended: 'by-exit' },
  CANCELLED: { ended: 'by-owner' },
  TIMEOUT: { ended: 'time-limit' },
  DEADLINE: { ended: 'deadline-missed' },
  OUT_OF_MEMORY: { ended: 'oom' },
  NODE_FAIL: { ended: 'node-fail' },
  BOOT_FAIL: { ended: 'launch-failed' },
  LAUNCH_FAILED: { ended: 'launch-failed' },
  RECONFIG_FAIL: { ended: 'launch-failed' },
  PREEMPTED: { ended: 'preempted' },
  // A sibling of a federation runs the job elsewhere; what becomes of it cannot be seen from here.
  REVOKED: { ended: 'unknown' },
};

export const KNOWN_STATES: readonly string[] = Object.keys(MEANINGS);

export interface StateFacts {
  readonly state: string;
  readonly exit: ExitStatus;
  readonly reason?: string | undefined;
  readonly ownUid: number;
}

/** What a state word with its suffixes (`CANCELLED by 1000`, `COMPLETED+`) says. A word that is not known is never an end. */
export function meaningOf(facts: StateFacts): StateMeaning {
  const word = stateWord(facts.state);
  const meaning = word === null ? undefined : MEANINGS[word];
  if (word === null || meaning === undefined) return { phase: 'unknown', cause: null };
  if (typeof meaning === 'string') return { phase: meaning, cause: null };
  return { phase: 'ended', cause: causeOf(meaning.ended, word, facts) };
}

/** The bare state; null when it is none of Slurm's, or is cut off so that several would fit. */
export function stateWord(text: string): string | null {
  const word = /^\s*([A-Z_]+)/.exec(text)?.[1];
  const rest = word === undefined ? '' : text.trim().slice(word.length);
  if (word === undefined || !/^(?:\+| by \S+)?$/.test(rest)) return null;
  if (Object.hasOwn(MEANINGS, word)) return word;
  const fits = rest === '+' ? KNOWN_STATES.filter((state) => state.startsWith(word)) : [];
  return fits.length === 1 ? (fits[0] as string) : null;
}

/** The user id of `CANCELLED by 1000`; null when the text does not say. */
export function cancelledBy(text: string): number | null {
  const uid = /^\s*CANCELLED by (\d{1,10})\s*$/.exec(text)?.[1];
  return uid === undefined ? null : Number(uid);
}

function causeOf(ending: Ending, word: string, facts: StateFacts): Cause | null {
  if (ending === 'by-owner') {
    const uid = cancelledBy(facts.state);
    return uid === null || uid === facts.ownUid ? 'cancelled-by-user' : 'cancelled-by-admin';
  }
  return ending === 'by-exit' ? causeOfExit(word, facts) : ending;
}

function causeOfExit(word: string, { exit, reason }: StateFacts): Cause | null {
  if (exit.signal !== undefined) return 'killed';
  // Slurm writes this reason also beside a script that a signal ended, which is not a failed launch.
  if (word === 'FAILED' && reason === 'JobLaunchFailure') return 'launch-failed';
  if (exit.exitCode === 0) return word === 'COMPLETED' ? null : 'unknown';
  if (exit.exitCode === undefined) return 'unknown';
  // Shells and container runtimes hand on the death of their child by a signal as 128 + signal.
  return exit.exitCode > 128 && exit.exitCode <= 128 + 64 ? 'killed' : 'worker-error';
}
