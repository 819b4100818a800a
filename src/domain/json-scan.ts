import {
  BACKSLASH,
  CLOSE_OBJECT,
  COMMA,
  fail,
  type JsonProblem,
  MAX_JSON_DEPTH,
  OBJECT_GOES_ON,
  OPEN_OBJECT,
  problemOf,
  QUOTE,
  scanName,
  scanString,
  scanValue,
  skipSpace,
} from './json-grammar.ts';

export { MAX_JSON_DEPTH };

/**
 * Checks that bytes are JSON (RFC 8259) without building the value, and finds one member of a top-level object on the way.
 * About four times as fast as JSON.parse on lines of a few hundred bytes, which is what makes splitting a million records cheap;
 * and it says where and what is wrong in words that do not change with the Node version.
 * The caller checks that the bytes are UTF-8.
 */
export interface JsonScanner {
  /** Scans one value (with white space around it, newlines excepted) from `start`. The offset after it, or -1: see `problem`. */
  scan(bytes: Uint8Array, start: number): number;
  /** What made the last `scan` return -1. */
  problem(): JsonProblem;
  /** Start of the member's value in the last scan (the last one, when the name repeats); -1 when the object has none. */
  memberStart(): number;
  memberEnd(): number;
}

/** A scanner; with `member`, also finds that member of a top-level object. Reused for every line: it keeps its stack. */
export function createJsonScanner(member?: string): JsonScanner {
  const stack = new Uint8Array(MAX_JSON_DEPTH);
  const name = member === undefined ? null : new TextEncoder().encode(member);
  let source: Uint8Array = new Uint8Array();
  let failure = 0;
  let memberStart = -1;
  let memberEnd = -1;

  const scanTop = (bytes: Uint8Array, start: number, wanted: Uint8Array): number => {
    let at = skipSpace(bytes, start + 1);
    if (bytes[at] === CLOSE_OBJECT) return at + 1;
    for (;;) {
      const nameAt = at;
      const valueAt = scanName(bytes, at);
      if (valueAt < 0) return valueAt;
      at = scanValue(bytes, valueAt, stack);
      if (at < 0) return at;
      if (isName(bytes, nameAt, wanted)) {
        memberStart = valueAt;
        memberEnd = at;
      }
      at = skipSpace(bytes, at);
      if (bytes[at] === CLOSE_OBJECT) return at + 1;
      if (bytes[at] !== COMMA) return fail(at, OBJECT_GOES_ON);
      at = skipSpace(bytes, at + 1);
    }
  };

  return {
    scan(bytes, start) {
      memberStart = -1;
      const first = skipSpace(bytes, start);
      const walksTop = name !== null && bytes[first] === OPEN_OBJECT;
      const end = walksTop ? scanTop(bytes, first, name) : scanValue(bytes, first, stack);
      if (end >= 0) return skipSpace(bytes, end);
      source = bytes;
      failure = end;
      return -1;
    },
    problem: () => problemOf(source, failure),
    memberStart: () => memberStart,
    memberEnd: () => memberEnd,
  };
}

function isName(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  // The name's JSON text ends at the first unescaped quote; comparing with the plain text is enough unless it has escapes.
  for (let at = 0; at < name.length; at += 1) {
    const byte = bytes[start + 1 + at];
    if (byte === name[at] && byte !== BACKSLASH) continue;
    return byte === BACKSLASH && isEscapedName(bytes, start, name);
  }
  return bytes[start + 1 + name.length] === QUOTE;
}

function isEscapedName(bytes: Uint8Array, start: number, name: Uint8Array): boolean {
  const end = scanString(bytes, start);
  if (end < 0) return false;
  const text = JSON.parse(new TextDecoder().decode(bytes.subarray(start, end))) as string;
  return text === new TextDecoder().decode(name);
}
