import type { DuckDBValue } from '@duckdb/node-api';

type Vendor = typeof import('@duckdb/node-api');

/** Decimals up to this many digits are exact as a double. */
const EXACT_DIGITS = 15;

/**
 * Turns DuckDB's values into what JSON would carry (see QueryResult.rows). Whether a decimal becomes a number or a string depends on
 * its column's width only, so a column never mixes the two.
 */
export function plainValues(vendor: Vendor): (value: DuckDBValue) => unknown {
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
