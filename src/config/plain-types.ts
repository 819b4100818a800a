import { describeFound, type Located } from './located.ts';
import { suggestOneOf } from './near-miss.ts';
import { unexpected, type ReadContext, type ValueType } from './value-type.ts';

// oxlint-disable-next-line no-control-regex -- finding them is the point
export const CONTROL = /[\u0000-\u001f\u007f]/;

/** One line of text that is not blank. A number counts as text, exactly as written. */
export function text(options: {
  readonly expected: string;
  readonly maxLength?: number;
  readonly hint?: string;
}): ValueType<string> {
  const { expected, maxLength = 4_096, hint } = options;
  return {
    expected,
    schema: { type: 'string', minLength: 1, maxLength },
    read(value, context) {
      const found = textOf(value);
      if (found === null || found.trim() === '')
        return unexpected(value, expected, hint === undefined ? { context } : { context, hint });
      if (CONTROL.test(found))
        return context.problem(`found a control character in ${describeFound(value)}, expected ${expected}`, {
          at: value,
        });
      if (found.length > maxLength)
        return context.problem(`found ${found.length} characters, expected at most ${maxLength}`, { at: value });
      return found;
    },
  };
}

function textOf(value: Located): string | null {
  if (value.kind !== 'scalar') return null;
  // At a prompt nobody can quote: `--set name=true` means the word.
  const typed = value.place.line === undefined && value.value !== null;
  return typed || typeof value.value === 'string' || typeof value.value === 'number' ? value.source : null;
}

/** A whole number between two bounds, both included. */
export function wholeNumber(options: { readonly min: number; readonly max: number }): ValueType<number> {
  const { min, max } = options;
  const expected = `a whole number from ${min} to ${max}`;
  return {
    expected,
    schema: { type: 'integer', minimum: min, maximum: max },
    read(value, context) {
      const found = value.kind === 'scalar' ? value.value : undefined;
      if (typeof found !== 'number' || !Number.isInteger(found)) return unexpected(value, expected, { context });
      if (found < min) return unexpected(value, `a whole number of at least ${min}`, { context });
      return found > max ? unexpected(value, `a whole number of at most ${max}`, { context }) : found;
    },
  };
}

/** One of a few words. */
export function choice<const W extends string>(words: readonly W[]): ValueType<W> {
  const expected = words.join(' or ');
  return {
    expected,
    schema: { enum: words },
    read(value, context) {
      const found = value.kind === 'scalar' ? value.value : undefined;
      const word = words.find((each) => each === found);
      if (word !== undefined) return word;
      return unexpected(value, expected, {
        context,
        ...(typeof found === 'string' ? { hint: suggestOneOf(found, words) } : {}),
      });
    },
  };
}

/** `true` or `false`, as words. */
export function yesOrNo(): ValueType<'true' | 'false'> {
  const expected = 'true or false';
  return {
    expected,
    schema: { type: 'boolean' },
    read(value, context) {
      const found = value.kind === 'scalar' ? value.value : undefined;
      return typeof found === 'boolean' ? `${found}` : unexpected(value, expected, { context });
    },
  };
}

/** A group of keys that is looked at elsewhere. */
export function group(expected: string): ValueType<Located> {
  return {
    expected,
    schema: { type: 'object' },
    read: (value, context) => (value.kind === 'map' ? value : unexpected(value, expected, { context })),
  };
}

/** Every item of a list through one reader; undefined when the value is no list or any item has a problem. */
export function readList<T>(
  value: Located,
  read: (item: Located) => T | undefined,
  { context, expected }: { context: ReadContext; expected: string },
): T[] | undefined {
  if (value.kind !== 'list') return unexpected(value, expected, { context });
  return allOf(value.items, read);
}

/** One such thing, or a list of at least one and at most `most` of them; undefined when any has a problem. */
export function readOneOrMore<T>(
  value: Located,
  read: (item: Located) => T | undefined,
  list: { readonly context: ReadContext; readonly expected: string; readonly what: string; readonly most: number },
): T[] | undefined {
  const { context, expected, what, most } = list;
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length === 0) return unexpected(value, expected, { context });
  if (items.length > most)
    return context.problem(`found ${items.length} ${what}, expected at most ${most}`, { at: value });
  return allOf(items, read);
}

/** Every item is read, so that all problems are told. */
function allOf<T>(items: readonly Located[], read: (item: Located) => T | undefined): T[] | undefined {
  const found = items.map((item) => read(item));
  return found.includes(undefined) ? undefined : (found as T[]);
}
