import type { FailureFacts } from '../domain/retry-rules.ts';

/** Which item a lane runs next: retries that are due come before fresh items, so that few items are half-done at any time. Pure. */
export interface WorkQueue {
  /** Null: nothing fresh is left and no retry waits (lanes that run items bring their own retries back). */
  take(nowMs: number): Work | null;
  /** Puts an item back for another try. */
  retry(work: Waiting): void;
  /** When the first of the waiting retries is due; Infinity when none waits. */
  nextDueMs(): number;
  /** Every retry that waits, by due time. */
  waiting(): readonly Waiting[];
}

export interface Work {
  /** 0-based number of the item in the task. */
  readonly item: number;
  /** When it may start (monotonic ms); in the past for fresh items. */
  readonly dueMs: number;
  /** How its last try failed; absent for fresh items. */
  readonly failure?: FailureFacts;
  /** Name of the rule by which it is tried again; absent for fresh items. */
  readonly rule?: string;
}

export type Waiting = Required<Work>;

/** @param isFinished items that are not to be run, e.g. because an earlier attempt has finished them */
export function createWorkQueue(items: number, isFinished: (item: number) => boolean): WorkQueue {
  let fresh = 0;
  /** Ascending by due time; short, because a task with many failing items still has few lanes. */
  const waiting: Waiting[] = [];
  const nextFresh = (): Work | null => {
    while (fresh < items && isFinished(fresh)) fresh += 1;
    if (fresh >= items) return null;
    fresh += 1;
    return { item: fresh - 1, dueMs: 0 };
  };
  return {
    take(nowMs) {
      const first = waiting[0];
      if (first !== undefined && first.dueMs <= nowMs) return waiting.shift() ?? null;
      return nextFresh() ?? waiting.shift() ?? null;
    },
    retry(work) {
      let at = waiting.length;
      while (at > 0 && (waiting[at - 1] as Waiting).dueMs > work.dueMs) at -= 1;
      waiting.splice(at, 0, work);
    },
    nextDueMs: () => waiting[0]?.dueMs ?? Infinity,
    waiting: () => waiting,
  };
}
