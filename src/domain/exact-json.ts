/**
 * JSON.parse that keeps integers beyond 2^53 exact: they become BigInt, everything else is what JSON.parse gives.
 * @throws SyntaxError for text that is not JSON
 */
export function parseExactJson(text: string): unknown {
  if (!LONG_INTEGER.test(text)) return JSON.parse(text);
  return JSON.parse(markLongIntegers(text), (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? unmark(value) : value,
  );
}

/** Fewer digits are always exact as a double. */
const LONG_INTEGER = /\d{16}/;

/** Starts every marked integer and every string that happens to start with it, so that the two cannot be mixed up. */
const MARK = '\u0001';
const INTEGER = 'i';
const STRING = 's';

function unmark(value: string): unknown {
  const rest = value.slice(2);
  return value[1] === INTEGER ? BigInt(rest) : rest;
}

/**
 * Rewrites long integer tokens, and string values that begin with the mark, as marked strings. A string token is matched as a whole, so digits
 * inside one are never touched; text that is not JSON stays that way, because only whole number tokens become whole string tokens.
 */
function markLongIntegers(text: string): string {
  return text.replaceAll(TOKENS, (token) => {
    if (token.endsWith(':')) return token;
    if (token.startsWith('"')) return token.startsWith(MARKED) ? `"${ESCAPED_MARK}${STRING}${token.slice(1)}` : token;
    if (!/^-?[1-9]\d{15,}$/.test(token) || Number.isSafeInteger(Number(token))) return token;
    return `"${ESCAPED_MARK}${INTEGER}${token}"`;
  });
}

/** A string with the colon that makes it a key, or a number. Unrolled so that long strings need no backtracking. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const ESCAPED_MARK = String.raw`\u0001`;
const MARKED = `"${ESCAPED_MARK}`;
