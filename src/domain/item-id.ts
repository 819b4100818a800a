import { createJsonScanner } from './json-scan.ts';

/** The longest id, in characters; ids are table cells and file-name parts for people, not payload. */
export const MAX_ID_CHARS = 1024;

export type ItemIdResult = { readonly id: string } | { readonly problem: string };

/**
 * The id an item's `input.id` member gives, from the JSON text of that member. A string is itself; an integer is its digits,
 * exactly, also beyond 2^53 where a parsed number would have lost some.
 */
export function itemIdOfToken(token: string, field: string): ItemIdResult {
  // The common case by far, and millions of them: a string without escapes.
  if (token.startsWith('"') && !token.includes('\\')) return checkIdText(token.slice(1, -1), field);
  if (/^-?\d+$/.test(token)) return token === '-0' ? { id: '0' } : checkIdText(token, field);
  const value = JSON.parse(token) as unknown;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { id: String(value) };
  if (typeof value === 'string') return checkIdText(value, field);
  return { problem: `id field ${JSON.stringify(field)} is ${kindOf(value)}, expected a string or an integer` };
}

/** The same rules for an id that is text already (a CSV field, a path). */
export function checkIdText(text: string, field: string): ItemIdResult {
  if (text.length > 0 && text.length <= MAX_ID_CHARS) return { id: text };
  const name = JSON.stringify(field);
  if (text === '') return { problem: `id field ${name} is empty` };
  return { problem: `id field ${name} has ${text.length} characters, expected at most ${MAX_ID_CHARS}` };
}

export const missingId = (field: string): ItemIdResult => ({ problem: `id field ${JSON.stringify(field)} is missing` });

/** Finds the id of one batch line (a valid JSON text, without its newline); the reader of a batch uses one for all its lines. */
export function createItemIdReader(field: string): (line: Uint8Array) => ItemIdResult {
  const scanner = createJsonScanner(field);
  const decoder = new TextDecoder();
  return (line) => {
    scanner.scan(line, 0);
    const start = scanner.memberStart();
    return start < 0
      ? missingId(field)
      : itemIdOfToken(decoder.decode(line.subarray(start, scanner.memberEnd())), field);
  };
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return `the fraction or huge number ${value}`;
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}
