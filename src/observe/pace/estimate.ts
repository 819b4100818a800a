/** How long a job still takes, as a range, from how much its pace has varied lately; pure. */

/** Fewer spans with something in them tell nothing of how a pace varies. */
const LEAST_SPANS = 3;
/** Less than an item in thirty years is rounding. */
const LEAST_RATE = 1e-9;
/** Of the mean; a pace that seems to vary less has only been watched too little. */
const LEAST_ERROR = 0.03;
/** Two standard errors: the true mean is inside in about 19 of 20 cases. */
const ERRORS = 2;
/** The last task may take that much longer than its pace so far says. */
const TAIL_SPARE = 1.25;

export interface EstimateFacts {
  /** Items a second in equal spans, oldest first. */
  readonly rates: readonly number[];
  /** Items without an outcome. */
  readonly left: number;
  /** The longest that one running task needs for its rest at its own pace; null: not known. */
  readonly slowestLeftMs: number | null;
  /** Tasks that run. */
  readonly running: number;
}

/** `toMs` null: nobody can say how long at most. */
export type Estimate =
  | { readonly fromMs: number; readonly toMs: number | null; readonly itemsPerSec: number }
  | { readonly unknown: string };

export function estimateLeft({ rates, left, slowestLeftMs, running }: EstimateFacts): Estimate {
  // Before the first item there was no pace: a queue says nothing about the work.
  const first = rates.findIndex((rate) => rate > LEAST_RATE);
  const seen = first === -1 ? [] : rates.slice(first);
  if (running === 0) return { unknown: 'no task runs at the moment' };
  if (seen.length === 0) return { unknown: 'no item has been finished lately' };
  if (seen.length < LEAST_SPANS) return { unknown: 'it has not run for long enough' };
  const mean = seen.reduce((sum, rate) => sum + rate, 0) / seen.length;
  const variance = seen.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / (seen.length - 1);
  const error = Math.max(mean * LEAST_ERROR, ERRORS * Math.sqrt(variance / seen.length));
  const tailMs = slowestLeftMs ?? 0;
  const fromMs = Math.max((left * 1_000) / (mean + error), tailMs);
  const slow = mean - error;
  const toMs = slow <= mean * LEAST_ERROR ? null : Math.max((left * 1_000) / slow, tailMs * TAIL_SPARE, fromMs);
  return { fromMs: Math.round(fromMs), toMs: toMs === null ? null : Math.round(toMs), itemsPerSec: mean };
}
