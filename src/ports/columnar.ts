import type { ColumnType } from '../domain/output-columns.ts';

/** Parquet and SQL. One driver (DuckDB); loaded only when used. All paths are local files. */
export interface Columnar {
  /**
   * Merges leaf or intermediate parts, given in item order, into one ZSTD Parquet file sorted by item_index.
   * `project` turns the leaf's `output` JSON into typed columns (output: infer); absent: columns pass through.
   */
  merge(request: MergeRequest): Promise<{ readonly rows: number; readonly failed: number }>;
  /** Rows in a Parquet file, from its footer. @throws RESULT_CORRUPT */
  rows(path: string): Promise<number>;
  /** Runs one read-only statement over named Parquet views. @throws QUERY_INVALID */
  query(request: QueryRequest): Promise<QueryResult>;
  close(): Promise<void>;
}

export interface MergeRequest {
  readonly inputs: readonly string[];
  readonly output: string;
  readonly project?: readonly { readonly name: string; readonly type: ColumnType }[];
  /** Only rows with status failed, and only the fixed columns plus cause. */
  readonly failedOnly?: boolean;
  /** Directory for spilling. */
  readonly scratch: string;
}

export interface QueryRequest {
  readonly sql: string;
  /** View name → Parquet file. */
  readonly views: Readonly<Record<string, string>>;
  readonly scratch: string;
}

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Rows in chunks; values as JSON would carry them (64-bit integers as bigint, timestamps as ISO strings, bytes as base64). */
  readonly rows: AsyncIterable<readonly (readonly unknown[])[]>;
}
