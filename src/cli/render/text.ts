/**
 * Text of users on a terminal: item ids, file names, messages of errors. Control characters could move the cursor, recolour the screen or
 * fake a line, and bidirectional marks could show one thing and mean another; they are shown as escapes instead.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const SHORT_ESCAPES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line, whatever it held. */
export const printable = (text: string): string =>
  text.replaceAll(UNPRINTABLE, (character) => SHORT_ESCAPES[character] ?? escapeOf(character));

/** Keeps line breaks and tabs; lines after the first start with `margin`, so that none can pass for a line of ours. */
export const printableLines = (text: string, margin = '  '): string =>
  text
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(printable).join('\t'))
    .join(`\n${margin}`);

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** `1,234,567`. */
export const number = (value: number): string => value.toLocaleString('en-US');

/** `1 item`, `1,234 items`. */
export const count = (value: number, noun: string): string => `${number(value)} ${noun}${value === 1 ? '' : 's'}`;

/** `1 process`, `1,234 processes`. */
export const processes = (value: number): string => `${number(value)} process${value === 1 ? '' : 'es'}`;

/** Whole percent, rounded down so that 100 % means all; nothing of nothing is 0 %, as before an input is counted. */
export const percent = (done: number, total: number): string =>
  `${total === 0 ? 0 : Math.floor((100 * done) / total)}%`;

/** `12.3/s`, `1,234/s`, `0.02/s`. */
export const rate = (perSec: number): string =>
  `${perSec >= 100 ? number(Math.round(perSec)) : Number(perSec.toPrecision(2))}/s`;

/** `2026-11-20 23:31` (UTC) of an ISO-8601 time. */
export const minute = (iso: string): string => iso.slice(0, 16).replace('T', ' ');

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Columns a printable text takes on a terminal, near enough for layout. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += /\p{Mn}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Cuts to `width` columns, with an ellipsis when something is cut. */
export function fit(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let used = 0;
  let kept = '';
  for (const character of text) {
    used += displayWidth(character);
    if (used > width - 1) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Fewer columns than this hold no words worth breaking a line for. */
const LEAST_TO_WRAP = 24;
/** Lines that one text may take: somebody's message can be as long as a book. */
const MOST_LINES = 4;

/**
 * Lines of at most `width` columns, broken at spaces, so that nothing is lost that somebody needs; a text without end is cut after a few of them. A command at
 * its end stays in one piece where it fits, to be copied.
 */
export function wrap(text: string, width: number): string[] {
  if (displayWidth(text) <= width || width < LEAST_TO_WRAP) return [fit(text, width)];
  const indent = /^ */.exec(text)?.[0] ?? '';
  const pieces = piecesOf(text.slice(indent.length), width - indent.length);
  const lines: string[] = [];
  for (const [at, piece] of pieces.entries()) {
    const last = lines.at(-1);
    const longer = last === undefined ? `${indent}${piece}` : `${last} ${piece}`;
    if (last === undefined) lines.push(longer);
    else if (displayWidth(longer) <= width) lines[lines.length - 1] = longer;
    else if (lines.length < MOST_LINES) lines.push(`${indent}${piece}`);
    else return [...lines.slice(0, -1), fit(`${last} ${pieces.slice(at).join(' ').slice(0, width)}`, width)];
  }
  return lines.map((line) => fit(line, width));
}

/** Words; the command that ends the text is one. */
function piecesOf(text: string, width: number): readonly string[] {
  const at = text.search(/(?:^| )slurmctl /);
  const command = at === -1 ? '' : text.slice(at).trimStart();
  return command === '' || displayWidth(command) > width
    ? text.split(' ')
    : [
        ...text
          .slice(0, at)
          .split(' ')
          .filter((word) => word !== ''),
        command,
      ];
}

/** An argument as a shell would need it typed. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
