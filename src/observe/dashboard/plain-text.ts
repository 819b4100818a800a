/** Text of users before it meets a page: what cannot be seen is made visible, and nothing is longer than it may be. */

/** Control characters but tab and newline, direction marks and overrides, invisible joiners at which text could hide, and halves of characters. */
const HIDDEN =
  // oxlint-disable-next-line no-control-regex -- control characters are what this is about
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\p{Surrogate}/gu;

/** Hidden characters as `⟨U+202E⟩`. */
export const plainText = (text: string): string =>
  text.replaceAll(
    HIDDEN,
    (character) => `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );

/**
 * At most `most` characters (UTF-16), and no more of them than take twice as many bytes on the page, with a word about what is left out. Never cuts a
 * character in two.
 */
export function clip(text: string, most: number): string {
  let [end, bytes] = [0, 0];
  for (const character of text) {
    bytes += bytesOnPage(character);
    if (end + character.length > most || bytes > 2 * most)
      return `${text.slice(0, end)}… (${(text.length - end).toLocaleString('en-US')} more characters)`;
    end += character.length;
  }
  return text;
}

/** Of one character, escaped and visible, in UTF-8. */
function bytesOnPage(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code >= 0x20 && code < 0x7f) return /[&<>"'`]/.test(character) ? 5 : 1;
  const shown = plainText(character);
  if (shown !== character) return shown.length + 4;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** The first line, clipped. */
export const clipLine = (text: string, most: number): string => clip(text.trim().replaceAll(/\s+/g, ' '), most);
