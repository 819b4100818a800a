/** Which item a lane runs next: retries that are due come before fresh items, so that few items are half-done at any time. Pure. */
export interface WorkQueue {
  /** Null: nothing fresh is left and no retry waits (lanes that run items bring their own retries back). */
  take(nowMs: number): Work | null;
  /** Puts an item back for another try, not before `dueMs`. */
  retryAt(item: number, triesDone: number, dueMs: number): void;
}

export interface Work {
  /** 0-based number of the item in the task. */
  readonly item: number;
  /** Tries already made at it. */
  readonly triesDone: number;
  /** When it may start; in the past for fresh items. */
  readonly dueMs: number;
}

/** @param isFinished items that an earlier attempt has finished */
export function createWorkQueue(items: number, isFinished: (item: number) => boolean): WorkQueue {
  let fresh = 0;
  /** Ascending by due time; short, because a task with many failing items still has few lanes. */
  const waiting: Work[] = [];
  const nextFresh = (): Work | null => {
    while (fresh < items && isFinished(fresh)) fresh += 1;
    if (fresh >= items) return null;
    fresh += 1;
    return { item: fresh - 1, triesDone: 0, dueMs: 0 };
  };
  return {
    take(nowMs) {
      const first = waiting[0];
      if (first !== undefined && first.dueMs <= nowMs) return waiting.shift() ?? null;
      return nextFresh() ?? waiting.shift() ?? null;
    },
    retryAt(item, triesDone, dueMs) {
      let at = waiting.length;
      while (at > 0 && (waiting[at - 1] as Work).dueMs > dueMs) at -= 1;
      waiting.splice(at, 0, { item, triesDone, dueMs });
    },
  };
}
