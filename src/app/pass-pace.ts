/** When whoever waits for a job passes over it: each pass on Slurm asks a controller that serves everybody. */

/** Two passes are this far apart at first, half as far again each time, and so far at most while nothing is due. */
const GAP_MS = { first: 2_000, most: 120_000 } as const;
/** What is due is done soon, and no more often than this over a long time. */
const AT_ONCE = 10;
const ONE_MORE_EVERY_MS = 30_000;

/** What a look at the stored states, which asks nobody else, tells of what a pass would find. */
export interface Seen {
  /** Every task is final: what is left is the end of the job. */
  readonly isAllFinal: boolean;
  /** Tasks that failed, of which the next pass decides what becomes of them. */
  readonly undecided: number;
}

export interface PassPace {
  /** What is stored by the last look. */
  see(seen: Seen): void;
  /** ms until the next pass; 0: it is due. */
  dueInMs(nowMs: number): number;
  /** A pass has ended; `nextDueMs` as `advanceJob` says it; null: it came to nothing, because somebody else is at it, say. */
  passed(nowMs: number, pass: { readonly nextDueMs: number | null } | null): void;
}

/** Times are monotonic milliseconds. */
export function createSparingPace(): PassPace {
  let seen: Seen = { isAllFinal: false, undecided: 0 };
  /** As it was seen when the last pass began. */
  let undecidedBefore = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  let gapMs: number = GAP_MS.first;
  let dueMs = Number.POSITIVE_INFINITY;
  let isOverdue = false;
  /** A pass has begun after all tasks were final, and did not end the job: whatever stands in the way may last. */
  let isEndTried = false;
  let left = AT_ONCE;
  let countedMs: number | null = null;

  const wantedMs = (): number => {
    const hasNews = seen.undecided > undecidedBefore;
    return Math.min(lastMs + (hasNews ? GAP_MS.first : gapMs), Math.max(dueMs, lastMs + GAP_MS.first));
  };
  const allowedMs = (): number =>
    left >= 1 || countedMs === null ? lastMs : countedMs + (1 - left) * ONE_MORE_EVERY_MS;
  return {
    see(now) {
      if (!now.isAllFinal) isEndTried = false;
      seen = now;
    },
    dueInMs(nowMs) {
      if (seen.isAllFinal && !isEndTried) return 0;
      return Math.max(0, Math.max(wantedMs(), allowedMs()) - nowMs);
    },
    passed(nowMs, pass) {
      const sinceMs = countedMs === null ? 0 : nowMs - countedMs;
      left = Math.max(0, Math.min(AT_ONCE, left + sinceMs / ONE_MORE_EVERY_MS) - 1);
      countedMs = nowMs;
      lastMs = nowMs;
      const wasOverdue = isOverdue;
      isOverdue = pass?.nextDueMs === 0;
      const isNew = seen.undecided > undecidedBefore || (isOverdue && !wasOverdue) || (seen.isAllFinal && !isEndTried);
      gapMs = isNew ? GAP_MS.first : Math.min(gapMs * 1.5, GAP_MS.most);
      undecidedBefore = seen.undecided;
      dueMs = pass === null || pass.nextDueMs === null || isOverdue ? Number.POSITIVE_INFINITY : nowMs + pass.nextDueMs;
      isEndTried = seen.isAllFinal;
    },
  };
}
