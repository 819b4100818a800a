/**
 * JSON text of anything a document or a query row may hold. Unlike JSON.stringify: a bigint becomes an integer with all its digits, and
 * NaN and the infinities become the strings `NaN`, `Infinity` and `-Infinity`. `indent` 0 (default) gives one line.
 */
export function jsonText(value: unknown, indent = 0): string {
  return encode(value, indent, '') ?? 'null';
}

/** Undefined for what JSON leaves out of an object (undefined, functions, symbols). */
function encode(value: unknown, indent: number, margin: string): string | undefined {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
  if (typeof value !== 'object') return JSON.stringify(value);
  if (value === null) return 'null';
  if ('toJSON' in value && typeof value.toJSON === 'function') return encode(value.toJSON(), indent, margin);
  const inner = margin + ' '.repeat(indent);
  const colon = indent === 0 ? ':' : ': ';
  if (Array.isArray(value)) {
    return wrap(
      '[]',
      value.map((each) => encode(each, indent, inner) ?? 'null'),
      { indent, margin },
    );
  }
  const members = Object.entries(value).flatMap(([key, each]) => {
    const encoded = encode(each, indent, inner);
    return encoded === undefined ? [] : [`${JSON.stringify(key)}${colon}${encoded}`];
  });
  return wrap('{}', members, { indent, margin });
}

function wrap(
  brackets: '[]' | '{}',
  members: readonly string[],
  { indent, margin }: { readonly indent: number; readonly margin: string },
): string {
  if (members.length === 0) return brackets;
  if (indent === 0) return `${brackets[0]}${members.join(',')}${brackets[1]}`;
  const inner = `\n${margin}${' '.repeat(indent)}`;
  return `${brackets[0]}${inner}${members.join(`,${inner}`)}\n${margin}${brackets[1]}`;
}

/** Significant digits that a person sees of a floating-point number: enough, without the noise of the last bits. */
const SHOWN_DIGITS = 10;

/** A value as a person reads it: text as it is, null as nothing, numbers without noise, the rest as JSON. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' && !Number.isInteger(value) && Math.abs(value) < 10 ** SHOWN_DIGITS)
    return String(Number(value.toPrecision(SHOWN_DIGITS)));
  return typeof value === 'string' ? value : jsonText(value).replace(/^"(NaN|-?Infinity)"$/, '$1');
}
