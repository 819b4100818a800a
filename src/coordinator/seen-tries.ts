/** What the tasks of a job tell of its tries: how long they take, and how many workers wait for a turn meanwhile. */
import type { BusyTries, TaskItem } from '../domain/task-item.ts';

export interface SeenTries extends BusyTries {
  /** Running tasks that were heard of since they began. */
  readonly heard: number;
  /** Of these, by limit, tasks whose worker waited for a turn when it was last heard of. */
  readonly waiting: ReadonlyMap<string, number>;
}

/** Fewer tries than this say nothing of those to come. */
const ENOUGH_TRIES = 20;

/** Mean time of a try in milliseconds, without waiting for turns; null while there are too few to tell. */
export const meanTryMs = ({ tries, ms }: Pick<BusyTries, 'tries' | 'ms'>): number | null =>
  tries < ENOUGH_TRIES ? null : Math.max(1, ms / tries);

/** Of the time of a try, how much it waited for its turn: 0 to 1; null while there are too few tries to tell. */
export const waitedShare = ({ tries, ms, waitedMs }: BusyTries): number | null =>
  tries < ENOUGH_TRIES ? null : waitedMs / Math.max(1, waitedMs + ms);

export function createTriesCollector(): { add(task: TaskItem): void; seen(): SeenTries } {
  const waiting = new Map<string, number>();
  let tries = 0;
  let ms = 0;
  let waitedMs = 0;
  let heard = 0;
  return {
    add({ state, win, busy, heartbeatMs = 0, startedMs = 0, waiting: waits }) {
      const own = win?.busy ?? busy;
      tries += own?.tries ?? 0;
      ms += own?.ms ?? 0;
      waitedMs += own?.waitedMs ?? 0;
      if (state !== 'RUNNING' || heartbeatMs <= startedMs) return;
      heard += 1;
      if (waits?.kind === 'limit') waiting.set(waits.name, (waiting.get(waits.name) ?? 0) + 1);
    },
    seen: () => ({ tries, ms, waitedMs, heard, waiting }),
  };
}
