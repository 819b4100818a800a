/**
 * Which failures are the same failure: a short name made of what stays when a bug strikes again with another item, on another node, at another time.
 * Pure. Idea and token kinds after Sentry's event grouping (getsentry/sentry, `grouping/parameterization.py`).
 */
import { hash } from 'node:crypto';
import type { FailureFacts } from './retry-rules.ts';

/** First digit of every fingerprint; raised when the same failure would get another one. */
const VERSION = '1';
const DIGITS = 12;

/** A message's tail adds nothing but time and chance. */
const READ_CHARS = 1_000;
const TEMPLATE_CHARS = 240;

const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\\.?';
const DAY = '(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? +)?';
const TIME = '\\d{1,2}:\\d\\d(?::\\d\\d(?:[.,]\\d+)?)?';

/** Kinds of text that change from one time to the next; the first that fits at a place wins. */
const KINDS: readonly (readonly [token: string, pattern: string])[] = [
  ['str', `"[^"\\n]*"|(?<!\\w)'[^'\\n]*'(?!\\w)|\`[^\`\\n]*\``],
  ['url', '\\b[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\\s"\'<>)\\]}]+'],
  ['addr', '\\b[\\w.+-]{1,64}@[\\w-]{1,63}(?:\\.[\\w-]{1,63})+\\b'],
  ['id', '\\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\\b'],
  ['date', `\\b\\d{4}-\\d\\d-\\d\\d(?:[T ]${TIME}(?: ?(?:Z|UTC|[+-]\\d\\d:?\\d\\d))?)?(?!\\d)`],
  ['date', `\\b${DAY}${MONTH} +\\d{1,2}(?:,? +\\d{4}\\b)?(?: +${TIME})?(?!\\d)`],
  ['addr', '\\b\\d{1,3}(?:\\.\\d{1,3}){3}(?::\\d{1,5})?\\b'],
  ['addr', '\\b[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){3,7}'],
  // Absolute, or with an ending: `and/or` and `text/plain` are words.
  ['path', '(?<![\\w./~])(?:~|\\.{1,2})?/[^\\s"\'`:;,()\\[\\]{}<>|]+|\\b[A-Za-z]:\\\\[^\\s"\'`:;,()<>|]+'],
  ['path', '(?<![\\w./])[\\w-]+(?:/[\\w.@%+-]+)*/[\\w@%+-]+\\.\\w{1,8}\\b'],
  // Numbers and hexadecimal ones are one kind, because an identifier may have digits only by chance.
  ['num', '\\b0[xX][0-9a-fA-F]+|\\b(?=[0-9a-fA-F]{0,63}\\d)(?=[0-9]{0,63}[a-fA-F])[0-9a-fA-F]{8,}\\b'],
  ['id', '\\b(?=[A-Za-z]{0,63}\\d)(?=\\d{0,63}[A-Za-z])[A-Za-z0-9]{20,}\\b'],
  ['num', '[+-]?\\d+(?:[.,:]\\d+)*(?:[eE][+-]?\\d+)?'],
];

const ALL = new RegExp(KINDS.map(([, pattern]) => `(${pattern})`).join('|'), 'g');

/** The first line of a message with what changes from time to time replaced by its kind: `item <num> of <path> has no <str>`. */
export function templateOf(message: string): string {
  const template = lineOf(message).replace(ALL, (...match: unknown[]) => {
    const kind = KINDS.findIndex((_, index) => match[index + 1] !== undefined);
    return `<${KINDS[kind]?.[0] ?? 'str'}>`;
  });
  return template.replaceAll(/\s+/g, ' ').slice(0, TEMPLATE_CHARS);
}

/**
 * Messages of one shape have one template, and a shape costs a tenth of what a template does. No digit outlives the masks, and they ask of a digit only
 * whether it is a 0, so that all others may be 1.
 */
export const shapeOf = (message: string): string => lineOf(message).replaceAll(/[2-9]/g, '1');

/** What a template is made of. */
function lineOf(message: string): string {
  const start = message.trimStart().slice(0, READ_CHARS);
  const end = start.search(/[\r\n]/);
  return (end < 0 ? start : start.slice(0, end)).trimEnd();
}

/** 12 hexadecimal digits, the first of them the version: equal for failures of one kind, see `templateOf`. */
export const fingerprintOf = ({ message, ...facts }: FailureFacts): string =>
  fingerprintOfTemplate(facts, templateOf(message ?? ''));

/** The same for a message whose template is known. */
export function fingerprintOfTemplate(
  { cause, exitCode, signal, errorClass }: Omit<FailureFacts, 'message'>,
  template: string,
): string {
  const text = [VERSION, cause, endingOf(exitCode, signal), errorClass ?? '', template].join('\n');
  return VERSION + hash('sha256', text).slice(0, DIGITS - VERSION.length);
}

/** Shells hand on the death of their child by a signal as 128 + signal: the same death. */
function endingOf(exitCode: number | undefined, signal: number | undefined): string {
  if (signal !== undefined && signal > 0) return `signal ${signal}`;
  if (exitCode === undefined) return '';
  return exitCode > 128 && exitCode <= 128 + 64 ? `signal ${exitCode - 128}` : `exit ${exitCode}`;
}
