import type { ItemOutcome } from '../domain/outcome.ts';
import type { BusyTries } from '../domain/task-item.ts';
import type { Clock } from '../ports/clock.ts';
import type { ResultFile } from '../ports/result-file.ts';

/**
 * Collects outcomes so that one transaction holds many of them. What is in the file can be saved when the process dies (save-for-dead.ts), so
 * slow items go there at once.
 */
export interface OutcomeBuffer {
  /** @throws SCRATCH_FULL */
  add(outcome: ItemOutcome): void;
  /** A try has waited so long for its turns. */
  waited(ms: number): void;
  /** @throws SCRATCH_FULL */
  flush(): void;
  /** Outcomes added, buffered ones included. */
  counts(): Progress;
}

/** How far an attempt is. `busy`: what the tries behind its outcomes took; absent where nobody asks. */
export interface Progress {
  readonly rows: number;
  readonly failed: number;
  readonly busy?: BusyTries;
}

const MOST_OUTCOMES = 256;
/** Large outputs must not pile up in memory. */
const MOST_CHARS = 1024 ** 2;
/** Outcomes do not wait longer than this for the next one. */
const MOST_MS = 200;

/** @param isTimed whether what tries took is of interest */
export function createOutcomeBuffer(
  results: ResultFile,
  clock: Pick<Clock, 'monotonicMs'>,
  isTimed = false,
): OutcomeBuffer {
  let pending: ItemOutcome[] = [];
  let chars = 0;
  let rows = 0;
  let failed = 0;
  let tries = 0;
  let busyMs = 0;
  let waitedMs = 0;
  let flushedMs = clock.monotonicMs();
  const flush = (): void => {
    if (pending.length === 0) return;
    const outcomes = pending;
    pending = [];
    chars = 0;
    flushedMs = clock.monotonicMs();
    results.append(outcomes);
  };
  const busy = (): BusyTries => ({ tries, ms: Math.ceil(busyMs), waitedMs: Math.ceil(waitedMs) });
  return {
    add(outcome) {
      pending.push(outcome);
      rows += 1;
      if (outcome.status === 'failed') failed += 1;
      // Bad records and items in quarantine were not tried.
      if (outcome.durationMs > 0) {
        tries += 1;
        busyMs += outcome.durationMs;
      }
      chars += outcome.output?.length ?? 0;
      if (pending.length >= MOST_OUTCOMES || chars >= MOST_CHARS || clock.monotonicMs() - flushedMs >= MOST_MS) flush();
    },
    waited: (ms) => void (waitedMs += ms),
    flush,
    counts: () => ({ rows, failed, ...(isTimed && tries > 0 ? { busy: busy() } : {}) }),
  };
}
