import { createHash } from 'node:crypto';

/** Room below 255 bytes for what a driver appends to an encoded name. */
const MAX_ENCODED = 190;
const READABLE_PART = 100;

/**
 * A file name for any string: letters, digits, `#`, `_` and `-` stay, every other UTF-8 byte becomes `%XX`. Names that would be too
 * long end in `%%` and 40 digits of their sha-256 instead, and cannot be decoded.
 * @throws Error (a programming error) for an empty string or one that is not valid Unicode
 */
export function encodeName(text: string): string {
  if (text === '' || /\p{Surrogate}/u.test(text)) throw new Error(`${JSON.stringify(text)} cannot be a key`);
  const encoded = /^[A-Za-z0-9#_-]*$/.test(text) ? text : encodeBytes(text);
  if (encoded.length <= MAX_ENCODED) return encoded;
  return `${encoded.slice(0, READABLE_PART)}%%${createHash('sha256').update(text).digest('hex').slice(0, 40)}`;
}

/** The string behind an encoded name; null for a shortened one. */
export function decodeName(encoded: string): string | null {
  if (!encoded.includes('%')) return encoded;
  return encoded.includes('%%') ? null : decodeURIComponent(encoded);
}

function encodeBytes(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    encoded += /[A-Za-z0-9#_-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
