import type * as DuckDB from '@duckdb/node-api';
import type { DuckDBDataChunk, DuckDBType, DuckDBValue } from '@duckdb/node-api';

type Vendor = typeof DuckDB;

/** Decimals up to this many digits are exact as a double. */
const EXACT_DIGITS = 15;

/** Types whose values are as they should be. */
const PLAIN = [
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UBIGINT',
  'FLOAT',
  'DOUBLE',
  'VARCHAR',
] as const;

/**
 * The rows of a chunk, in plain values. Column by column, and without a look at each value where a column's type is plain already: that is half of
 * what a million rows cost.
 */
export function plainRows(vendor: Vendor, types: readonly DuckDBType[]): (chunk: DuckDBDataChunk) => unknown[][] {
  const asTheyAre = new Set<number>(PLAIN.map((name) => vendor.DuckDBTypeId[name]));
  const plain = plainValues(vendor);
  const isPlain = types.map(({ typeId }) => asTheyAre.has(typeId));
  return (chunk) => {
    const rows = Array.from({ length: chunk.rowCount }, (): unknown[] => []);
    for (const [at, asItIs] of isPlain.entries()) {
      const vector = chunk.getColumnVector(at);
      for (const [n, row] of rows.entries()) row.push(asItIs ? vector.getItem(n) : plain(vector.getItem(n)));
    }
    return rows;
  };
}

/**
 * Turns DuckDB's values into what JSON would carry (see QueryResult.rows). Whether a decimal becomes a number or a string depends on
 * its column's width only, so a column never mixes the two.
 */
function plainValues(vendor: Vendor): (value: DuckDBValue) => unknown {
  const plain = (value: DuckDBValue): unknown => {
    if (value === null || typeof value !== 'object') return value;
    if (value instanceof vendor.DuckDBDecimalValue)
      return value.width <= EXACT_DIGITS ? value.toDouble() : value.toString();
    if (value instanceof vendor.DuckDBBlobValue) return Buffer.from(value.bytes).toString('base64');
    if (value instanceof vendor.DuckDBListValue || value instanceof vendor.DuckDBArrayValue)
      return value.items.map(plain);
    if (value instanceof vendor.DuckDBStructValue)
      return Object.fromEntries(Object.entries(value.entries).map(([name, inner]) => [name, plain(inner)]));
    if (value instanceof vendor.DuckDBMapValue) return plainMap(value.entries, plain);
    if (value instanceof vendor.DuckDBUnionValue || value instanceof vendor.DuckDBVariantValue)
      return plain(value.value);
    return plainInstant(value, vendor) ?? String(value);
  };
  return plain;
}

interface MapEntry {
  readonly key: DuckDBValue;
  readonly value: DuckDBValue;
}

/** A map with text keys is an object; with other keys, which JSON members cannot be, a list of pairs. */
function plainMap(entries: readonly MapEntry[], plain: (value: DuckDBValue) => unknown): unknown {
  if (entries.every(({ key }) => typeof key === 'string'))
    return Object.fromEntries(entries.map(({ key, value }) => [key as string, plain(value)]));
  return entries.map(({ key, value }) => [plain(key), plain(value)]);
}

/** ISO text of a date or timestamp; null for other values and for those outside the years that ISO text is made for. */
function plainInstant(value: object, vendor: Vendor): string | null {
  if (value instanceof vendor.DuckDBTimestampTZValue) return isoText(value.micros, 'Z');
  if (value instanceof vendor.DuckDBTimestampValue) return isoText(value.micros, '');
  if (value instanceof vendor.DuckDBTimestampMillisecondsValue) return isoText(value.millis * 1_000n, '');
  if (value instanceof vendor.DuckDBTimestampSecondsValue) return isoText(value.seconds * 1_000_000n, '');
  return null;
}

function isoText(micros: bigint, zone: 'Z' | ''): string | null {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const ms = Number((micros - (((micros % 1_000n) + 1_000n) % 1_000n)) / 1_000n);
  if (!Number.isFinite(new Date(ms).getTime())) return null;
  const text = new Date(ms).toISOString().slice(0, -5);
  const digits = String(fraction).padStart(6, '0');
  return `${text}.${digits.endsWith('000') ? digits.slice(0, 3) : digits}${zone}`;
}
