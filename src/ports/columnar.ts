import type { ColumnType, OutputSpec } from '../domain/output-columns.ts';

/**
 * Parquet and SQL over local files. One driver (DuckDB), loaded only when used. Paths are absolute and may contain any character;
 * a path is never taken for a pattern.
 */
export interface Columnar {
  /**
   * Merges parts, given in item order, into one ZSTD Parquet file sorted by item_index. Equal inputs give equal bytes.
   * Memory stays bounded whatever the size of the parts. @throws RESULT_CORRUPT, SCRATCH_FULL
   */
  merge(request: MergeRequest): Promise<MergedFile>;
  /**
   * Runs one read-only statement over named Parquet files. The statement can read nothing but these files and write nothing.
   * @throws QUERY_INVALID with the engine's message, also from the rows; SCRATCH_FULL
   */
  query(request: QueryRequest): Promise<QueryResult>;
  /** Ends what is still running. */
  close(): Promise<void>;
}

export interface MergeRequest {
  readonly inputs: readonly string[];
  /** File to write; replaced when it exists. */
  readonly output: string;
  /**
   * What the inputs are: parts as LeafParts writes them for this output mode, or files of an earlier merge to `merged`.
   */
  readonly from: OutputSpec['mode'] | 'merged';
  /**
   * - `merged`: an intermediate file; the fixed columns, `cause`, and the output columns under private names
   * - `results`: the fixed columns, then the output columns under their names
   * - `errors`: failed rows only; the fixed columns, then `cause`
   */
  readonly to: 'merged' | 'results' | 'errors';
  /** The job's output columns in order; the same for every merge of a job. */
  readonly columns: readonly MergeColumn[];
  /** Directory for spilling; merges of different output names may share it. */
  readonly scratch: string;
}

export interface MergeColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** With `output: infer`: the member of the output object that fills the column. */
  readonly member?: string;
}

export interface MergedFile {
  readonly rows: number;
  readonly failed: number;
  /** Item index of the first row; 0 for a file without rows. */
  readonly firstItem: number;
  /** True when row n is item `firstItem + n` throughout: sorted, nothing twice, nothing missing. Says nothing for `errors`. */
  readonly contiguous: boolean;
  readonly bytes: number;
  readonly sha256: string;
}

export interface QueryRequest {
  readonly sql: string;
  /** View name → Parquet file. */
  readonly views: Readonly<Record<string, string>>;
  /** Directory for spilling, for this query alone. */
  readonly scratch: string;
  /** True: whoever takes the rows is slower than the engine, which need not hold several pieces of a file at once. */
  readonly inTurn?: boolean;
}

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /**
   * Rows in chunks, read once; values as JSON would carry them, except that integers of 64 bits and more are bigint and a double may be
   * NaN or ±Infinity. Timestamps are ISO strings (with Z when they are instants), bytes are base64, wide decimals are strings.
   */
  readonly rows: AsyncIterable<readonly (readonly unknown[])[]>;
  /** Ends the query; needless when the rows were read to their end. */
  close(): Promise<void>;
}
