/** Types a user may give to an output column (`output.columns`). */
export const COLUMN_TYPES = ['string', 'int', 'bigint', 'double', 'bool', 'timestamp', 'json'] as const;
/**
 * - `int`: 32-bit signed; `bigint`: 64-bit signed (a JSON integer, a BigInt or a decimal string)
 * - `double`: any number, with NaN and ±Infinity (also the strings 'NaN', 'Infinity', '-Infinity')
 * - `timestamp`: a Date, an ISO-8601 string with zone, or epoch milliseconds; stored as UTC milliseconds
 * - `json`: anything, stored as JSON text
 * null and a missing key are NULL for every type.
 */
export type ColumnType = (typeof COLUMN_TYPES)[number];

/** Ordered as in the job file. */
export type OutputColumns = Readonly<Record<string, ColumnType>>;

export type OutputSpec =
  /** One `output` column of JSON text. */
  | { readonly mode: 'json' }
  /** Columns found over the whole job from what the handlers returned. */
  | { readonly mode: 'infer' }
  | { readonly mode: 'columns'; readonly columns: OutputColumns };

/** The columns every output has, in this order, before the handler's own. */
export const FIXED_COLUMNS = [
  'item_id',
  'item_index',
  'status',
  'attempts',
  'duration_ms',
  'error_class',
  'error_message',
] as const;

/**
 * How a leaf part stores each column type, so that its writer and the merge agree (checked against DuckDB by a test):
 * `parquet` is the logical type in the file, `duckdb` the type under which DuckDB reads it.
 */
export const LEAF_PHYSICAL = {
  string: { parquet: 'UTF8', duckdb: 'VARCHAR' },
  int: { parquet: 'INT32', duckdb: 'INTEGER' },
  bigint: { parquet: 'INT64', duckdb: 'BIGINT' },
  double: { parquet: 'DOUBLE', duckdb: 'DOUBLE' },
  bool: { parquet: 'BOOLEAN', duckdb: 'BOOLEAN' },
  timestamp: { parquet: 'TIMESTAMP_MILLIS', duckdb: 'TIMESTAMP' },
  /** JSON text; the merge casts it when it wants DuckDB's JSON type. */
  json: { parquet: 'UTF8', duckdb: 'VARCHAR' },
} as const satisfies Record<ColumnType, { readonly parquet: string; readonly duckdb: string }>;
