import type { Cause } from './causes.ts';

/** The final outcome of one item: one row of `results.sqlite`, of the leaf part and of the output. */
export interface ItemOutcome {
  readonly itemId: string;
  /** 0-based position in the job's input. */
  readonly itemIndex: number;
  readonly status: 'succeeded' | 'failed';
  /** Tries inside this attempt, plus those of earlier attempts that a checkpoint carried over. */
  readonly attempts: number;
  readonly durationMs: number;
  /** Class of the error (`TypeError`, `ExitError`, `bad-input` …); null on success. */
  readonly errorClass: string | null;
  readonly errorMessage: string | null;
  /** Cause of a failure; null on success. */
  readonly cause: Cause | null;
  /** The handler's output as JSON text (non-finite numbers as the strings NaN, Infinity, -Infinity); null on failure. */
  readonly output: string | null;
}
