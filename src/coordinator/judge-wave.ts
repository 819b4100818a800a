/**
 * Was the last wave good for anything? Pure. A wave whose every element ended without claiming a task (no Node on the nodes, a broken file
 * system, a crash on start) would otherwise be followed by an equal one for ever.
 */

/** Fruitless waves in a row after which the tasks that are left are given up. */
export const MOST_FRUITLESS_WAVES = 3;
/** Pause before the wave after the first, second … fruitless one. */
const PAUSES_MS = [5_000, 60_000] as const;

export interface WaveHistory {
  /** Highest wave planned. */
  readonly wave: number;
  /** Highest wave the batch system accepted; −1 before the first. */
  readonly submittedWave: number;
  readonly attemptsAtWave?: number;
  readonly fruitlessWaves?: number;
}

export type WaveVerdict =
  | { readonly next: 'submit'; readonly fruitlessWaves: number; readonly waitMs: number }
  | { readonly next: 'give-up'; readonly fruitlessWaves: number };

/**
 * To be asked when tasks are claimable and no element is left that could claim them.
 * @param attempts attempts begun so far, over all tasks
 * @param sinceMs time since the last wave was submitted
 */
export function judgeWave(history: WaveHistory, attempts: number, sinceMs: number): WaveVerdict {
  // What was refused had no elements: it says nothing about them, and waits for somebody to put it right.
  if (history.wave > history.submittedWave)
    return { next: 'submit', fruitlessWaves: history.fruitlessWaves ?? 0, waitMs: 0 };
  const first = history.submittedWave < 0 || attempts > (history.attemptsAtWave ?? 0);
  if (first) return { next: 'submit', fruitlessWaves: 0, waitMs: 0 };
  const fruitlessWaves = (history.fruitlessWaves ?? 0) + 1;
  if (fruitlessWaves >= MOST_FRUITLESS_WAVES) return { next: 'give-up', fruitlessWaves };
  const pauseMs = PAUSES_MS[fruitlessWaves - 1] ?? PAUSES_MS[1];
  return { next: 'submit', fruitlessWaves, waitMs: Math.max(0, pauseMs - sinceMs) };
}
