import type { Cause } from '../../domain/causes.ts';
import type { ItemOutcome } from '../../domain/outcome.ts';

/** Columns of `outcomes` in the order of a row tuple. */
export const OUTCOME_COLUMNS =
  'item_index, item_id, status, attempts, duration_ms, error_class, error_message, cause, output';

/** Tuples instead of objects: the driver builds and reads them several times faster. */
export type OutcomeRow = readonly [
  itemIndex: number,
  itemId: string,
  status: ItemOutcome['status'],
  attempts: number,
  durationMs: number,
  errorClass: string | null,
  errorMessage: string | null,
  cause: Cause | null,
  output: string | null,
];

export const toRow = (outcome: ItemOutcome): OutcomeRow => [
  outcome.itemIndex,
  outcome.itemId,
  outcome.status,
  outcome.attempts,
  outcome.durationMs,
  outcome.errorClass,
  outcome.errorMessage,
  outcome.cause,
  outcome.output,
];

export const fromRow = (row: OutcomeRow): ItemOutcome => ({
  itemIndex: row[0],
  itemId: row[1],
  status: row[2],
  attempts: row[3],
  durationMs: row[4],
  errorClass: row[5],
  errorMessage: row[6],
  cause: row[7],
  output: row[8],
});
