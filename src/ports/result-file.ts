import type { ItemOutcome } from '../domain/outcome.ts';

/** Per-item truth of one attempt: one SQLite file on node-local disk with one writer. */
export interface ResultFiles {
  /** Creates the file at `path`, which must not exist. @throws SCRATCH_FULL */
  create(path: string): ResultFile;
  /** Opens a sealed file for reading. @throws RESULT_CORRUPT */
  openSealed(path: string): SealedResultFile;
  /** The same of the bytes of a sealed file; `name` is what an error calls it. @throws RESULT_CORRUPT */
  openBytes(bytes: Uint8Array, name: string): SealedResultFile;
}

export interface ResultFile {
  /** Appends in one transaction; an item index may occur once. @throws SCRATCH_FULL */
  append(outcomes: readonly ItemOutcome[]): void;
  /**
   * Outcomes in the order of their append, from row `afterRow` (0: all) on; no more once their outputs have `mostChars` characters, but at
   * least one if there is one.
   */
  rowsSince(afterRow: number, mostChars?: number): ItemOutcome[];
  /** Outcomes by item index. */
  byIndex(): Iterable<ItemOutcome>;
  count(): { readonly rows: number; readonly succeeded: number; readonly failed: number };
  /** Writes everything into the one file and closes it; nothing can be appended afterwards. */
  seal(): void;
  /** Closes without promising anything; for attempts that are given up. */
  discard(): void;
}

export interface SealedResultFile {
  count(): { readonly rows: number; readonly succeeded: number; readonly failed: number };
  /** Outcomes by item index; all of them, or the failures only. */
  byIndex(only?: 'failed'): Iterable<ItemOutcome>;
  close(): void;
}
