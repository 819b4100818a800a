/**
 * A breaker for one kind of failure: a service that is down would otherwise use up the attempts of every task. Pure: the next stored item is a function
 * of the last one, of what this pass saw, and of the time. After "Circuit Breaker" (Nygard, Release It!, 2007), with one task as the canary.
 */
import { CAUSES, type Cause } from '../domain/causes.ts';
import type { BreakerItem, BreakerSight } from '../domain/breaker.ts';
import type { TaskItem } from '../domain/task-item.ts';

/** Tasks that must wait with the same failure before they are held back. */
export const LEAST_ALIKE = 10;
export const FIRST_PAUSE_MS = 30_000;
export const LONGEST_PAUSE_MS = 60 * 60_000;
/** Canaries that fail in a row, over about four hours, before those who wait are given up. */
export const MOST_CANARIES = 10;
/** A canary that has been running this long without failing is not failing as the others did. */
export const CANARY_RUNS_MS = 10 * 60_000;

/** Causes about which the next try tells something of all others: not those of one item or one node, and none that asks for more. */
const COMMON: readonly Cause[] = [
  'handler-error',
  'timeout-item',
  'rate-limited',
  'disk-full',
  'worker-error',
  'deadline-missed',
  'unknown',
];

/** Does this waiting task do the same again that failed, at the user's cost? Breakers and the budget are about those alone. */
export const isPlainRetry = ({
  cause,
  suspects,
  idleAttempts,
}: Pick<TaskItem, 'cause' | 'suspects' | 'idleAttempts'>) =>
  cause !== undefined && COMMON.includes(cause) && suspects === undefined && (idleAttempts ?? 0) > 0;

/** Null: nothing is worth storing. */
export function stepBreaker(stored: BreakerItem | null, sight: BreakerSight): BreakerItem | null {
  const seen = {
    version: (stored?.version ?? 0) + 1,
    cause: sight.cause,
    example: sight.example,
    tasks: sight.tasks,
    doneSeen: sight.done,
  };
  if (sight.tasks === 0 && stored?.state !== 'HALF') return stored === null ? null : { ...seen, state: 'CLOSED' };
  switch (stored?.state ?? 'CLOSED') {
    case 'CLOSED': {
      if (sight.tasks < LEAST_ALIKE) return stored === null ? null : { ...seen, state: 'CLOSED' };
      // Where others get through meanwhile it is no common trouble.
      const isCommon = sight.tasks >= sight.done - (stored?.doneSeen ?? 0);
      return isCommon ? opened(seen, sight.nowMs, 0) : { ...seen, state: 'CLOSED' };
    }
    case 'OPEN':
      return stepOpen(stored as BreakerItem, seen, sight);
    case 'HALF':
      return stepHalf(stored as BreakerItem, seen, sight);
    case 'SPENT':
      return { ...seen, state: 'SPENT', failedCanaries: stored?.failedCanaries ?? MOST_CANARIES };
  }
}

type Seen = Pick<BreakerItem, 'version' | 'cause' | 'example' | 'tasks' | 'doneSeen'>;

function opened(seen: Seen, nowMs: number, failedCanaries: number): BreakerItem {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failedCanaries);
  return { ...seen, state: 'OPEN', untilMs: nowMs + pauseMs, pauseMs, failedCanaries };
}

function stepOpen(stored: BreakerItem, seen: Seen, { next, nowMs }: BreakerSight): BreakerItem {
  const { untilMs = 0, pauseMs = FIRST_PAUSE_MS, failedCanaries = 0 } = stored;
  if (untilMs > nowMs || next === null) return { ...seen, state: 'OPEN', untilMs, pauseMs, failedCanaries };
  return { ...seen, state: 'HALF', pauseMs, failedCanaries, canary: next.id, canaryAttempts: next.attempts };
}

function stepHalf(stored: BreakerItem, seen: Seen, sight: BreakerSight): BreakerItem {
  const { pauseMs = FIRST_PAUSE_MS, failedCanaries = 0, canary, canaryAttempts } = stored;
  const fate = judgeCanary(stored, sight);
  switch (fate) {
    case 'through':
      return { ...seen, state: 'CLOSED' };
    case 'failed':
      if (failedCanaries + 1 >= MOST_CANARIES) return { ...seen, state: 'SPENT', failedCanaries: failedCanaries + 1 };
      return opened(seen, sight.nowMs, failedCanaries + 1);
    case 'no-word':
      // Another one is tried at once: this one says nothing of the trouble.
      return stepOpen({ ...stored, untilMs: sight.nowMs }, seen, sight);
    case 'on-its-way':
      return {
        ...seen,
        state: 'HALF',
        pauseMs,
        failedCanaries,
        ...(canary === undefined ? {} : { canary }),
        ...(canaryAttempts === undefined ? {} : { canaryAttempts }),
      };
  }
}

type Fate = 'through' | 'failed' | 'no-word' | 'on-its-way';

function judgeCanary({ canaryAttempts = 0 }: BreakerItem, { canary, fingerprint, nowMs }: BreakerSight): Fate {
  if (canary === null || canary.state === 'CANCELLED') return 'no-word';
  if (canary.state === 'DONE') return 'through';
  if (canary.state === 'PENDING') return 'on-its-way';
  if (canary.state === 'RUNNING') {
    const came = (canary.progress ?? 0) - (canary.progressFailed ?? 0) > (canary.checkpointSeen ?? 0);
    const ranMs = nowMs - (canary.startedMs ?? nowMs);
    // Where calls wait for a limit or a pool, nobody knows whether anything ran.
    const ran = ranMs >= CANARY_RUNS_MS && canary.waiting === undefined;
    return came || ran ? 'through' : 'on-its-way';
  }
  const undecided = canary.state === 'WAIT' && canary.notBeforeMs === undefined;
  if (undecided || canary.attempts <= canaryAttempts) return canary.state === 'DEAD' ? 'no-word' : 'on-its-way';
  if (canary.fingerprint === fingerprint) return (canary.idleAttempts ?? 0) > 0 ? 'failed' : 'through';
  return canary.cause !== undefined && CAUSES[canary.cause].payer === 'infra' ? 'no-word' : 'through';
}
