import type { ColumnType } from '../domain/output-columns.ts';
import { BadOutputError, jsonText } from './json-text.ts';

/**
 * JSON text of a value in a typed column, normalised so that the leaf part needs no judgement: bigint as digits, timestamp as ISO-8601
 * UTC with milliseconds, non-finite doubles as strings.
 * @throws BadOutputError naming the column, what was found and what was expected
 */
export function columnText(column: string, type: ColumnType, value: unknown): string {
  if (value === null || value === undefined) return 'null';
  const text = type === 'json' ? jsonText(value) : READERS[type](value);
  if (text !== null) return text;
  throw new BadOutputError(`column ${JSON.stringify(column)}: found ${describe(value)}, expected ${EXPECTED[type]}`);
}

const EXPECTED: Readonly<Record<ColumnType, string>> = {
  string: 'a string',
  int: 'an integer from -2147483648 to 2147483647 (use bigint for more)',
  bigint: 'a 64-bit integer: a BigInt, a string of digits, or a number up to 2^53 (beyond that a number is not exact)',
  double: "a number, or 'NaN', 'Infinity' or '-Infinity'",
  bool: 'true or false',
  timestamp: 'a Date, an ISO-8601 string with a time zone, or epoch milliseconds',
  json: 'a JSON value',
};

/** Null: the value does not fit. */
type Reader = (value: unknown) => string | null;

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
export const BIGINT_MIN = -(2n ** 63n);
export const BIGINT_MAX = 2n ** 63n - 1n;

const READERS: Readonly<Record<Exclude<ColumnType, 'json'>, Reader>> = {
  string: (value) => (typeof value === 'string' ? jsonText(value) : null),
  int: (value) =>
    (typeof value === 'number' ? Number.isInteger(value) : typeof value === 'bigint') &&
    (value as number) >= INT_MIN &&
    (value as number) <= INT_MAX
      ? // Adding 0 turns -0 into 0.
        String(Number(value) + 0)
      : null,
  bigint(value) {
    const exact = exactInteger(value);
    return exact === null || exact < BIGINT_MIN || exact > BIGINT_MAX ? null : exact.toString();
  },
  double(value) {
    if (typeof value === 'number') return jsonText(value);
    if (typeof value === 'bigint') return jsonText(Number(value));
    return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? `"${value}"` : null;
  },
  bool: (value) => (typeof value === 'boolean' ? String(value) : null),
  timestamp(value) {
    const ms = epochMs(value);
    return ms === null ? null : `"${new Date(ms).toISOString()}"`;
  },
};

function exactInteger(value: unknown): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : null;
  return typeof value === 'string' && /^[+-]?\d{1,30}$/.test(value) ? BigInt(value.replace(/^\+/, '')) : null;
}

/** The furthest instant a Date can hold, milliseconds from the epoch. */
const MAX_EPOCH_MS = 8.64e15;
const ISO = /^[+-]?\d{4,6}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|z|[+-]\d{2}(?::?\d{2})?)$/;

function epochMs(value: unknown): number | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.getTime();
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) <= MAX_EPOCH_MS ? value : null;
  if (typeof value !== 'string' || !ISO.test(value)) return null;
  const ms = Date.parse(standardIso(value));
  return Number.isNaN(ms) ? null : ms;
}

/** The one spelling that every Date.parse understands: `T`, a point, milliseconds at most, a colon in the offset. */
function standardIso(text: string): string {
  return text
    .replace(' ', 'T')
    .replace(',', '.')
    .replace(/(\.\d{3})\d+/, '$1')
    .replace(/z$/, 'Z')
    .replace(/([+-]\d{2})(\d{2})?$/, (_all, hours: string, minutes?: string) => `${hours}:${minutes ?? '00'}`);
}

function describe(value: unknown): string {
  if (typeof value === 'string')
    return `the string ${JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'bigint') return `the integer ${value}`;
  if (typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date) return 'an invalid Date';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
