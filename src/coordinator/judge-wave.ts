/**
 * Was the last wave good for anything? Pure. A wave whose every element ended without claiming a task (no Node on the nodes, a broken file
 * system, a crash on start) would otherwise be followed by an equal one for ever.
 */

/** Fruitless waves in a row after which the tasks that are left are given up. */
export const MOST_FRUITLESS_WAVES = 3;
/** Pause before the wave after the first, second … fruitless one. */
const PAUSES_MS = [5_000, 60_000] as const;

/** The last wave for tasks of one size. */
export interface WaveHistory {
  /** Whether the batch system took any of it. */
  readonly isAccepted: boolean;
  /** Attempts that tasks of this size had begun when it was planned; absent: not known. */
  readonly attemptsBefore?: number;
  /** Waves in a row before it that claimed nothing. */
  readonly fruitlessBefore: number;
}

export type WaveVerdict =
  | { readonly next: 'submit'; readonly fruitlessWaves: number; readonly waitMs: number }
  | { readonly next: 'give-up'; readonly fruitlessWaves: number };

/**
 * To be asked when tasks are claimable and no element is left that could claim them.
 * @param history null: there was no wave for them yet
 * @param attempts attempts begun so far, over all tasks of this size
 * @param sinceMs time since the last wave was submitted
 */
export function judgeWave(history: WaveHistory | null, attempts: number, sinceMs: number): WaveVerdict {
  if (history === null) return { next: 'submit', fruitlessWaves: 0, waitMs: 0 };
  // What was refused had no elements: it says nothing about them, and waits for somebody to put it right.
  if (!history.isAccepted) return { next: 'submit', fruitlessWaves: history.fruitlessBefore, waitMs: 0 };
  // Fewer than before is a sign of life too: tasks that were claimed, and then asked for more than this.
  if (attempts !== history.attemptsBefore) return { next: 'submit', fruitlessWaves: 0, waitMs: 0 };
  const fruitlessWaves = history.fruitlessBefore + 1;
  if (fruitlessWaves >= MOST_FRUITLESS_WAVES) return { next: 'give-up', fruitlessWaves };
  const pauseMs = PAUSES_MS[fruitlessWaves - 1] ?? PAUSES_MS[1];
  return { next: 'submit', fruitlessWaves, waitMs: Math.max(0, pauseMs - sinceMs) };
}
