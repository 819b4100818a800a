/** The grammar of JSON over bytes. A scan returns the offset behind what it scanned, or a negative failure: see `problemOf`. */

export interface JsonProblem {
  /** Offset of the offending byte. */
  readonly at: number;
  readonly message: string;
}

/** JSON.parse has no limit, but everything that later walks the value recursively does. */
export const MAX_JSON_DEPTH = 1000;

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
const COLON = 0x3a;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** Bytes that end a plain run inside a string: controls, quote, backslash. */
const STOPS = new Uint8Array(256).fill(1, 0, 0x20);
STOPS[QUOTE] = 1;
STOPS[BACKSLASH] = 1;

const WORDS = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), new TextEncoder().encode(word)]));
const SIMPLE_ESCAPES = new Set(new TextEncoder().encode('"\\/bfnrt'));

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number | undefined): boolean =>
  isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);

/** What a scan can find missing; the key travels with the offset of the failure. */
const VALUE = 0;
const NAME = 1;
const NAME_COLON = 2;
export const OBJECT_GOES_ON = 3;
const ARRAY_GOES_ON = 4;
const STRING_END = 5;
const ESCAPE = 6;
const HEX = 7;
const DIGIT = 8;
const SHALLOW = 9;
const EXPECTED = [
  'a JSON value',
  'a member name in double quotes',
  '":" after the member name',
  '"," or "}"',
  '"," or "]"',
  'the closing quote of a string',
  'one of "\\/bfnrtu after a backslash',
  'four hexadecimal digits after \\u',
  'a digit',
  `at most ${MAX_JSON_DEPTH} levels of nesting`,
];

/** A failure as one negative integer, so that the hot path allocates nothing. */
export const fail = (at: number, expected: number): number => ~(at * 16 + expected);

export function skipSpace(bytes: Uint8Array, start: number): number {
  let at = start;
  let byte = bytes[at];
  while (byte === 0x20 || byte === 0x09 || byte === 0x0d) byte = bytes[++at];
  return at;
}

/** From the opening quote to after the closing one. */
export function scanString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  for (;;) {
    while (STOPS[bytes[at] as number] === 0) at += 1;
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte !== BACKSLASH) return fail(at, STRING_END);
    const escape = bytes[at + 1] as number;
    if (escape === 0x75) {
      for (let digit = 2; digit < 6; digit += 1) if (!isHex(bytes[at + digit])) return fail(at + digit, HEX);
      at += 6;
    } else if (SIMPLE_ESCAPES.has(escape)) at += 2;
    else return fail(at + 1, ESCAPE);
  }
}

function skipDigits(bytes: Uint8Array, start: number): number {
  let at = start;
  if (!isDigit(bytes[at])) return fail(at, DIGIT);
  do at += 1;
  while (isDigit(bytes[at]));
  return at;
}

function scanNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  at = bytes[at] === 0x30 ? at + 1 : skipDigits(bytes, at);
  if (at >= 0 && bytes[at] === 0x2e) at = skipDigits(bytes, at + 1);
  if (at < 0) return at;
  if (bytes[at] !== 0x65 && bytes[at] !== 0x45) return at;
  const sign = bytes[at + 1];
  return skipDigits(bytes, sign === 0x2b || sign === 0x2d ? at + 2 : at + 1);
}

function scanScalar(bytes: Uint8Array, start: number): number {
  const first = bytes[start] as number;
  if (first === QUOTE) return scanString(bytes, start);
  const word = WORDS.get(first);
  if (word === undefined) return isDigit(first) || first === 0x2d ? scanNumber(bytes, start) : fail(start, VALUE);
  for (let at = 1; at < word.length; at += 1) if (bytes[start + at] !== word[at]) return fail(start, VALUE);
  return start + word.length;
}

/** From the quote of a member's name to its value. */
export function scanName(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== QUOTE) return fail(start, NAME);
  let at = scanString(bytes, start);
  if (at < 0) return at;
  at = skipSpace(bytes, at);
  return bytes[at] === COLON ? skipSpace(bytes, at + 1) : fail(at, NAME_COLON);
}

/** Any value, with its nesting kept on `stack` (1 object, 0 array). */
export function scanValue(bytes: Uint8Array, start: number, stack: Uint8Array): number {
  let at = start;
  let depth = 0;
  for (;;) {
    const byte = bytes[at];
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      const inner = skipSpace(bytes, at + 1);
      if (bytes[inner] === (byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) at = inner + 1;
      else {
        if (depth === stack.length) return fail(at, SHALLOW);
        stack[depth++] = byte === OPEN_OBJECT ? 1 : 0;
        at = byte === OPEN_OBJECT ? scanName(bytes, inner) : inner;
        if (at < 0) return at;
        continue;
      }
    } else at = scanScalar(bytes, at);
    if (at < 0) return at;
    for (;;) {
      if (depth === 0) return at;
      at = skipSpace(bytes, at);
      const inObject = stack[depth - 1] === 1;
      if (bytes[at] === COMMA) {
        at = skipSpace(bytes, at + 1);
        if (inObject) at = scanName(bytes, at);
        if (at < 0) return at;
        break;
      }
      if (bytes[at] !== (inObject ? CLOSE_OBJECT : CLOSE_ARRAY))
        return fail(at, inObject ? OBJECT_GOES_ON : ARRAY_GOES_ON);
      at += 1;
      depth -= 1;
    }
  }
}

/** What made a scan of `bytes` return the negative `failure`. */
export function problemOf(bytes: Uint8Array, failure: number): JsonProblem {
  const at = Math.floor(~failure / 16);
  return { at, message: `found ${describeByte(bytes, at)}, expected ${EXPECTED[~failure % 16]}` };
}

function describeByte(bytes: Uint8Array, at: number): string {
  const byte = bytes[at];
  if (byte === undefined || byte === 0x0a) return 'the end of the record';
  if (byte < 0x20 || byte === 0x7f) return `the control character 0x${byte.toString(16).padStart(2, '0')}`;
  const point = new TextDecoder().decode(bytes.subarray(at, at + 4)).codePointAt(0) ?? 0xfffd;
  return byte === QUOTE ? `'"'` : `"${String.fromCodePoint(point)}"`;
}
