import type * as DuckDB from '@duckdb/node-api';

export type ValueWriter = (value: DuckDB.DuckDBValue) => string;

/**
 * JSON text of a DuckDB value. Integers and decimals keep every digit as raw JSON numbers, also beyond 2^53. NaN and the infinities
 * become null, as JSON has none. Timestamps are ISO 8601 (with `Z` when the column is in UTC), blobs base64, dates, times, intervals
 * and UUIDs their usual text, lists and structs nested, maps objects.
 */
export function createValueWriter(duckdb: typeof DuckDB): ValueWriter {
  const isoOf = (micros: bigint): string => new duckdb.DuckDBTimestampValue(micros).toString().replace(' ', 'T');
  const quoted = (text: string): string => JSON.stringify(text);

  const ofObject = (value: DuckDB.DuckDBValue): string => {
    if (value instanceof duckdb.DuckDBDecimalValue) return value.toString();
    if (value instanceof duckdb.DuckDBTimestampTZValue) return quoted(`${isoOf(value.micros)}Z`);
    if (
      value instanceof duckdb.DuckDBTimestampValue ||
      value instanceof duckdb.DuckDBTimestampNanosecondsValue ||
      value instanceof duckdb.DuckDBTimestampMillisecondsValue ||
      value instanceof duckdb.DuckDBTimestampSecondsValue
    )
      return quoted(value.toString().replace(' ', 'T'));
    if (value instanceof duckdb.DuckDBBlobValue) return quoted(Buffer.from(value.bytes).toString('base64'));
    if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue)
      return `[${value.items.map(write).join(',')}]`;
    if (value instanceof duckdb.DuckDBStructValue)
      return `{${Object.entries(value.entries)
        .map(([name, inner]) => `${quoted(name)}:${write(inner)}`)
        .join(',')}}`;
    if (value instanceof duckdb.DuckDBMapValue)
      return `{${value.entries.map((entry) => `${quoted(String(entry.key))}:${write(entry.value)}`).join(',')}}`;
    if (value instanceof duckdb.DuckDBUnionValue) return write(value.value);
    return quoted(String(value));
  };

  const write: ValueWriter = (value) => {
    if (value === null || value === undefined) return 'null';
    if (typeof value === 'string') return quoted(value);
    if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : 'null';
    if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
    return ofObject(value);
  };
  return write;
}
