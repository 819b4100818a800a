/**
 * Takes secrets out of what is logged: by the name of a field, and by what a value looks like. It errs on the side of hiding too much. Every pattern is
 * bounded or meets no choice twice, so that the time it takes grows with the length of the text alone.
 */
export const REDACTED = '[redacted]';

const SECRET_KEY =
  /(?:password|passwd|passphrase|secret|token|apikey|accesskey|accesskeyid|accountkey|privatekey|credentials?|authorization|cookie)$/;

const plainName = (key: string): string =>
  key
    .slice(0, 200)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');

/** Is a value secret because of the name it stands under? Of numbers, `isSecretNumber` says so. */
export const isSecretKey = (key: string): boolean => SECRET_KEY.test(plainName(key));

/** Numbers below this under a name such as `token` count the tokens of a model. */
const MOST_COUNTED = 1e9;

/** Is a number secret because of the name it stands under? A password may be one. */
export const isSecretNumber = (key: string, value: number | bigint): boolean =>
  isSecretKey(key) && !(plainName(key).endsWith('token') && isCount(Number(value)));

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < MOST_COUNTED;

const NAMES =
  'password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|account[_-]?key|private[_-]?key|credentials?|x-amz-signature';
const VALUE = String.raw`"(?:[^"\\]|\\[\s\S])*"?|'[^']*'?|[^\s"'&,;]+`;

type Rule = readonly [pattern: RegExp, replace: (match: string, ...groups: string[]) => string];

const hidden = (): string => REDACTED;
const afterFirst = (_match: string, before = ''): string => `${before}${REDACTED}`;

const RULES: readonly Rule[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, hidden],
  // Of a text whose beginning is cut off: all that may be of the key.
  [/^[\s\S]*-----END [A-Z ]{0,40}PRIVATE KEY-----/g, hidden],
  [/\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b/g, hidden],
  [
    /\b(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255}|glpat-[\w-]{20,255}|xox[abposr]-[\w-]{10,255}|sk-[\w-]{20,255}|hf_[A-Za-z0-9]{30,255}|AIza[\w-]{35}|eyJ[\w-]{8,2048}\.eyJ[\w-]{2,4096}\.[\w-]{0,4096})/g,
    hidden,
  ],
  // `scheme://user:password@host`; the password ends at the last @ before the path.
  [/(:\/\/[^\s/:@"'<>]{0,256}:)[^\s/"'<>]{1,1024}@/g, (_match, before = '') => `${before}${REDACTED}@`],
  [/\b(authorization\\{0,2}["']?\s{0,4}[:=]\s{0,4}\\{0,2}["']?)[^\r\n"'\\]+/gi, afterFirst],
  // A list of them, as headers are printed; then those of a header, each of which may be quoted.
  [/(cookie\\{0,2}["']?\s{0,4}[:=]\s{0,4})\[[^\]]*\]?/gi, afterFirst],
  [/(cookie\\{0,2}["']?\s{0,4}[:=]\s{0,4}\\{0,2}["']?)(?:="[^"\r\n]*"|[^\r\n"'\\])+/gi, afterFirst],
  [/\b(bearer\s{1,4})[A-Za-z0-9._~+/=-]{8,}/gi, afterFirst],
  [/(--[a-z-]{0,20}(?:password|token|secret|api-key)\s{1,4})[^\s-]\S*/gi, afterFirst],
  [/(\bsig=)[^\s"'&,;]+/g, afterFirst],
  [
    new RegExp(String.raw`((${NAMES})\\{0,2}["']?\s{0,4}[:=]\s{0,4}\\{0,2})(${VALUE})`, 'gi'),
    (match, before = '', name = '', value = '') =>
      name.toLowerCase() === 'token' && /^\d{1,9}$/.test(value) ? match : `${before}${quoted(value)}`,
  ],
];

/** What was quoted stays quoted, so that text around it reads as before. */
const quoted = (value: string): string =>
  value.startsWith('"') ? `"${REDACTED}"` : value.startsWith("'") ? `'${REDACTED}'` : REDACTED;

/** Some part of each pattern: most lines have none, and are looked at once. */
const SUSPECT =
  /pass|secret|token|key|credential|signature|sig=|authorization|cookie|bearer|:\/\/|A[KSBC][IC]A|gh[pousr]_|github_pat_|glpat-|xox|sk-|hf_|AIza|eyJ/i;

/** The text without what looks like a secret. */
export function redactText(text: string): string {
  if (!SUSPECT.test(text)) return text;
  let left = text;
  for (const [pattern, replace] of RULES) left = left.replaceAll(pattern, replace);
  return left;
}

/** More than any pattern needs to tell a secret from its beginning. */
const LONGEST_BEGINNING = 8 * 1024;

/**
 * The beginning of a text without what looks like a secret. It is cut after the secrets are out: half a secret looks like none. `mostChars` bounds the time, too.
 *
 * @param goesOn the text is itself the beginning of a longer one
 */
export function redactStart(text: string, mostChars: number, goesOn = false): string {
  if (text.length <= mostChars && !goesOn) return redactText(text);
  const seen = text.slice(0, mostChars + 2 * LONGEST_BEGINNING);
  const redacted = redactText(seen);
  const isWhole = seen.length === text.length && !goesOn;
  const known = isWhole ? redacted.length : redacted.length - LONGEST_BEGINNING;
  return `${redacted.slice(0, Math.max(0, Math.min(mostChars, known)))}…`;
}

/** For `JSON.stringify`: secrets are hidden at any depth, and numbers beyond JSON are written as text. */
export function redactingReplacer(key: string, value: unknown): unknown {
  if (typeof value === 'number') return isSecretNumber(key, value) ? REDACTED : value;
  if (typeof value === 'bigint') return isSecretNumber(key, value) ? REDACTED : value.toString();
  if (value === null || value === undefined || typeof value === 'boolean') return value;
  if (key !== '' && isSecretKey(key)) return REDACTED;
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  return typeof value === 'string' ? redactText(value) : value;
}

/** A copy as plain JSON data; what JSON refuses becomes one text. */
export function withoutSecrets(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  try {
    return JSON.parse(JSON.stringify(fields, redactingReplacer)) as Record<string, unknown>;
  } catch {
    return { fields: 'not JSON' };
  }
}
