/** JSON has no limit, but everything that later walks the value recursively does; input records have the same one. */
const MAX_DEPTH = 1000;

/** Why a handler's value cannot be stored; the message names the place in the value. */
export class BadOutputError extends Error {
  override readonly name = 'BadOutputError';
}

/**
 * JSON text of anything a handler may return. Beyond JSON.stringify: BigInt becomes an integer, NaN and ±Infinity the strings
 * 'NaN', 'Infinity' and '-Infinity', typed arrays lists of numbers, unpaired surrogates U+FFFD (no UTF-8 exists for them). What
 * JSON.stringify would silently drop or empty (functions, symbols, Map, Set, Promise, Error) is refused.
 * @throws BadOutputError
 */
export function jsonText(value: unknown): string {
  if (isPlain(value, 0)) return JSON.stringify(value) ?? 'null';
  return textOf(value, { path: [], ancestors: new Set() });
}

/** True for values whose JSON.stringify loses nothing: the common case, checked without building anything. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return isWellFormed(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'boolean' || value === null || value === undefined) return true;
  if (typeof value !== 'object' || depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (const element of value) if (!isPlain(element, depth + 1)) return false;
    return true;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const key in value) {
    if (!isWellFormed(key) || !isPlain((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

/** Both exist in every supported Node, but not in the library types of the compile target. */
interface WellFormedString {
  isWellFormed(): boolean;
  toWellFormed(): string;
}
const isWellFormed = (text: string): boolean => (text as unknown as WellFormedString).isWellFormed();
const quote = (text: string): string => JSON.stringify((text as unknown as WellFormedString).toWellFormed());

interface Place {
  readonly path: (string | number)[];
  readonly ancestors: Set<object>;
}

function textOf(value: unknown, place: Place): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
    case 'bigint':
      return value.toString();
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'null';
    case 'object':
      return value === null ? 'null' : nested(value, place);
    case 'function':
    case 'symbol':
      throw refuse(`a ${typeof value}`, place);
  }
}

function nested(value: object, place: Place): string {
  if (place.ancestors.has(value)) throw refuse('a value that contains itself', place);
  if (place.path.length > MAX_DEPTH) throw refuse(`more than ${MAX_DEPTH} levels of nesting`, place, true);
  place.ancestors.add(value);
  const text = container(value, place);
  place.ancestors.delete(value);
  return text;
}

function container(value: object, place: Place): string {
  if (Array.isArray(value)) return list(value, place);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView) && !('toJSON' in value))
    return list(Array.from(value as unknown as ArrayLike<number | bigint>), place);
  const toJson = (value as { readonly toJSON?: unknown }).toJSON;
  if (typeof toJson === 'function') return textOf(toJson.call(value, String(place.path.at(-1) ?? '')), place);
  const hollow = HOLLOW.find((kind) => value instanceof kind.type);
  if (hollow !== undefined) throw refuse(`a ${hollow.type.name}${hollow.remedy}`, place);
  return members(value, place);
}

/** Objects that JSON.stringify turns into `{}`, with what to return instead. */
const HOLLOW = [
  { type: Promise, remedy: ' (is an `await` missing?)' },
  { type: Map, remedy: ' (Object.fromEntries makes it a plain object)' },
  { type: Set, remedy: ' ([...set] makes it a list)' },
  { type: Error, remedy: ' (throw it to fail the item)' },
  { type: RegExp, remedy: '' },
  { type: ArrayBuffer, remedy: ' (wrap it in a typed array)' },
  { type: DataView, remedy: ' (wrap it in a typed array)' },
] as const;

function list(values: readonly unknown[], place: Place): string {
  const texts: string[] = [];
  for (let at = 0; at < values.length; at += 1) {
    place.path.push(at);
    texts.push(textOf(values[at], place));
    place.path.pop();
  }
  return `[${texts.join(',')}]`;
}

function members(value: object, place: Place): string {
  const texts: string[] = [];
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    place.path.push(key);
    texts.push(`${quote(key)}:${textOf(inner, place)}`);
    place.path.pop();
  }
  return `{${texts.join(',')}}`;
}

function refuse(what: string, place: Place, top = false): BadOutputError {
  const where = place.path.length === 0 || top ? '' : ` at ${pathText(place.path)}`;
  return new BadOutputError(`the output has ${what}${where}, which JSON cannot carry`);
}

/** `scores[2].label`, `["odd key"].x` */
function pathText(path: readonly (string | number)[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
