/**
 * JSON.parse that keeps integers beyond 2^53 exact: they become BigInt, everything else is what JSON.parse gives.
 * @throws SyntaxError for text that is not JSON
 */
export function parseExactJson(text: string): unknown {
  return LONG_INTEGER.test(text) ? parseMarked(text, false) : JSON.parse(text);
}

/**
 * The same, and takes the `NaN`, `Infinity` and `-Infinity` that programs print though JSON has no such words (Python's json does).
 * @throws SyntaxError for other text that is not JSON
 */
export function parsePrintedJson(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return parseMarked(text, true);
  }
}

const parseMarked = (text: string, notFinite: boolean): unknown =>
  JSON.parse(markNumbers(text, notFinite), (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? unmark(value) : value,
  );

/** Fewer digits are always exact as a double. */
const LONG_INTEGER = /\d{16}/;

/** Starts every marked number and every string that happens to start with it, so that the two cannot be mixed up. */
const MARK = '\u0001';
const INTEGER = 'i';
const NOT_FINITE = 'n';
const STRING = 's';

function unmark(value: string): unknown {
  const rest = value.slice(2);
  if (value[1] === NOT_FINITE) return Number(rest);
  return value[1] === INTEGER ? BigInt(rest) : rest;
}

/**
 * Rewrites long integer tokens, string values that begin with the mark, and with `notFinite` NaN and the infinities, as marked strings. A
 * string token is matched as a whole, so nothing inside one is touched; text that is not JSON stays that way, because only whole tokens that
 * are no key become whole string tokens.
 */
function markNumbers(text: string, notFinite: boolean): string {
  return text.replaceAll(TOKENS, (token) => {
    if (token.endsWith(':')) return token;
    if (token.startsWith('"')) return token.startsWith(MARKED) ? `"${ESCAPED_MARK}${STRING}${token.slice(1)}` : token;
    if (/[NI]/.test(token)) return notFinite ? `"${ESCAPED_MARK}${NOT_FINITE}${token}"` : token;
    if (!/^-?[1-9]\d{15,}$/.test(token) || Number.isSafeInteger(Number(token))) return token;
    return `"${ESCAPED_MARK}${INTEGER}${token}"`;
  });
}

/** A string with the colon that makes it a key; NaN or an infinity that is no key; a number. Unrolled so that long strings need no backtracking. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|(?:NaN|-?Infinity)(?!\s*:)|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
const ESCAPED_MARK = String.raw`\u0001`;
const MARKED = `"${ESCAPED_MARK}`;
