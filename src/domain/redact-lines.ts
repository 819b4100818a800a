/** Takes secrets out of text that comes line by line: where a line is cut, and what a line says of those after it. Pure, but for what a stream remembers. */
import { REDACTED, redactingReplacer, redactText } from './redact.ts';

/** Lines of one stream, in their order. */
export type LineRedactor = (line: string) => string;

const KEY_BEGINS = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?![\s\S]*-----END )/;
const KEY_ENDS = /-----END [A-Z ]{0,40}PRIVATE KEY-----/;
/** More than any key has; whoever prints the beginning of one and not its end does not lose everything else. */
const MOST_KEY_LINES = 200;

/** Hides a private key on all lines that it is printed on, too. */
export function createLineRedactor(): LineRedactor {
  let keyLines = 0;
  return (line) => {
    const end = keyLines === 0 ? null : KEY_ENDS.exec(line);
    if (keyLines > 0 && end === null) {
      keyLines -= 1;
      return REDACTED;
    }
    const rest = end === null ? line : line.slice(end.index + end[0].length);
    keyLines = rest.includes('-----BEGIN ') && KEY_BEGINS.test(rest) ? MOST_KEY_LINES : 0;
    return `${end === null ? '' : REDACTED}${redactLine(rest)}`;
  };
}

/** Some part of each name that makes a value secret. */
const SUSPECT_NAME = /pass|word|phrase|secret|token|key|cred|auth|cookie/i;

/** A line that is JSON is looked at as such, so that a secret may have any form below its name. */
function redactLine(line: string): string {
  if (!/^\s*[{[]/.test(line) || !SUSPECT_NAME.test(line)) return redactText(line);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return redactText(line);
  }
  const redacted = JSON.stringify(value, redactingReplacer);
  if (redacted !== JSON.stringify(value)) return redacted;
  // Written by somebody who may name a field twice, of which only the last is seen.
  return redacted === line ? line : redactText(line);
}

/**
 * Where a text can be cut so that its beginning, of `mostChars` at most, and what follows are as free of secrets as the whole. Null: nowhere within reach, and so
 * what follows cannot be shown.
 */
export function safeCut(text: string, mostChars: number): number | null {
  const seen = text.slice(0, 2 * mostChars);
  const whole = redactText(seen);
  if (whole === seen) return mostChars;
  for (let back = 0; back < mostChars; back = back * 4 + 64) {
    const cut = mostChars - back;
    if (redactText(seen.slice(0, cut)) + redactText(seen.slice(cut)) === whole) return cut;
  }
  return null;
}
