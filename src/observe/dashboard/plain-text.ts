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

/** At most `most` characters (UTF-16), with a word about what is left out. Never cuts a character in two. */
export function clip(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end)}… (${(text.length - end).toLocaleString('en-US')} more characters)`;
}

/** The first line, clipped. */
export const clipLine = (text: string, most: number): string => clip(text.trim().replaceAll(/\s+/g, ' '), most);
