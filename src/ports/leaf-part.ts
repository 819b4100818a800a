import type { ItemOutcome } from '../domain/outcome.ts';
import type { OutputSpec } from '../domain/output-columns.ts';

/** Writes a task's outcomes as one Parquet part. */
export interface LeafParts {
  /**
   * Writes `outcomes` (in order of item index) to a new file at `path`. Columns: the fixed ones, `cause`, then the declared output columns for
   * `mode: columns`, else one `output` column of JSON text. @throws SCRATCH_FULL
   */
  write(path: string, outcomes: Iterable<ItemOutcome>, output: OutputSpec): Promise<{ readonly rows: number }>;
}
