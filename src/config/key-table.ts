import type { ValueType } from './value-type.ts';

/** What is written about a key in the generated documentation. */
interface KeyWords {
  /** One or two sentences: what it does, with units and limits. */
  readonly meaning: string;
  /** As it would stand in the file after the key's own name. */
  readonly example: string;
}

interface KeyCommon<T> extends KeyWords {
  readonly type: ValueType<T>;
}

/** A key with a literal default, written as in the file and read by the same type. */
interface DefaultedKey<T> extends KeyCommon<T> {
  readonly kind: 'defaulted';
  readonly default: string;
}

/** A key that may be absent; `without` says what happens then. */
interface OptionalKey<T> extends KeyCommon<T> {
  readonly kind: 'optional';
  readonly without: string;
}

export type KeyRow = DefaultedKey<unknown> | OptionalKey<unknown>;

/** Rows by dotted path, in the order of the documentation. A path that others extend is a section. */
export type KeyTable = Readonly<Record<string, KeyRow>>;

export type ValueOf<R> = R extends DefaultedKey<infer T> ? T : R extends OptionalKey<infer T> ? T | undefined : never;

export const defaulted = <T>(type: ValueType<T>, literal: string, words: KeyWords): DefaultedKey<T> => ({
  kind: 'defaulted',
  type,
  default: literal,
  ...words,
});

export const optional = <T>(type: ValueType<T>, without: string, words: KeyWords): OptionalKey<T> => ({
  kind: 'optional',
  type,
  without,
  ...words,
});

/** The keys directly below a section (`''` is the whole file), without their prefix. */
export function keysBelow(table: KeyTable, section: string): string[] {
  const prefix = section === '' ? '' : `${section}.`;
  const below = Object.keys(table)
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length).split('.', 1)[0] as string);
  return [...new Set(below)];
}

export const isSection = (table: KeyTable, path: string): boolean => keysBelow(table, path).length > 0;
