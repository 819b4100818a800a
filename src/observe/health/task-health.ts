/** What the tasks of a job say about its health, added up one by one; pure. */
import type { Cause } from '../../domain/causes.ts';
import { countIn, parseRanges } from '../../domain/item-ranges.ts';
import { isFinalTaskState } from '../../domain/states.ts';
import type { TaskItem } from '../../domain/task-item.ts';

export interface TaskHealth {
  readonly total: number;
  readonly unfinished: number;
  /** Of these, owned by an attempt; and when the one that was heard of last was (epoch ms; 0: none runs). */
  readonly running: number;
  readonly heardMs: number;
  /** When anything of any task was last heard of; 0: never. */
  readonly lastSignMs: number;
  /** When the next retry is due (epoch ms); null: none is in the future. */
  readonly nextDueMs: number | null;
  readonly dead: number;
  /** Why, most frequent first. */
  readonly deadCauses: readonly (readonly [Cause | 'unknown', number])[];
  readonly quarantinedItems: number;
}

export interface TaskHealthCounter {
  add(item: TaskItem): void;
  health(): TaskHealth;
}

export function createTaskHealth(nowMs: number): TaskHealthCounter {
  const causes = new Map<Cause | 'unknown', number>();
  const sums = { total: 0, unfinished: 0, running: 0, heardMs: 0, lastSignMs: 0, dead: 0, quarantinedItems: 0 };
  let nextDueMs: number | null = null;
  return {
    add(item) {
      const { state, heartbeatMs = 0, startedMs = 0, win, notBeforeMs, quarantined } = item;
      sums.total += 1;
      sums.lastSignMs = Math.max(sums.lastSignMs, heartbeatMs, startedMs, win?.ran?.finishedMs ?? 0);
      if (quarantined !== undefined) sums.quarantinedItems += countIn(parseRanges(quarantined.items) ?? []);
      if (!isFinalTaskState(state)) sums.unfinished += 1;
      if (state === 'RUNNING') {
        sums.running += 1;
        sums.heardMs = Math.max(sums.heardMs, heartbeatMs, startedMs);
      }
      if (state === 'WAIT' && notBeforeMs !== undefined && notBeforeMs > nowMs)
        nextDueMs = Math.min(nextDueMs ?? Infinity, notBeforeMs);
      if (state !== 'DEAD') return;
      sums.dead += 1;
      const cause = item.cause ?? 'unknown';
      causes.set(cause, (causes.get(cause) ?? 0) + 1);
    },
    health: () => ({ ...sums, nextDueMs, deadCauses: [...causes].toSorted(([, a], [, b]) => b - a) }),
  };
}
