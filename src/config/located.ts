import type { Place } from '../errors/app-error.ts';

/**
 * A configuration value together with where a person wrote it: what YAML files and command-line overrides are turned into
 * before anything looks at their meaning. Anchors may make the tree share nodes, or even contain itself.
 */
export type Located = LocatedScalar | LocatedList | LocatedMap;

interface LocatedScalar extends Written {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  /** The characters as written, without quotes: `1.0` stays `1.0`. */
  readonly source: string;
}

interface LocatedList extends Written {
  readonly kind: 'list';
  readonly items: readonly Located[];
}

export interface LocatedMap extends Written {
  readonly kind: 'map';
  readonly entries: ReadonlyMap<string, LocatedEntry>;
}

export interface LocatedEntry {
  readonly keyPlace: Place;
  readonly value: Located;
}

interface Written {
  readonly place: Place;
  /** Absolute directory that relative paths in this value start from: of the file, or of the shell for a flag. */
  readonly dir: string;
}

const LONGEST_SHOWN = 60;

/** The value as a person should see it in "found …": short, on one line, never empty. */
export function describeFound(value: Located): string {
  if (value.kind === 'list') return value.items.length === 0 ? 'an empty list' : 'a list';
  if (value.kind === 'map') {
    const keys = [...value.entries.keys()];
    return keys.length === 0 ? 'an empty group of keys' : `a group of keys (${shorten(keys.join(', '))})`;
  }
  if (value.value === null) return 'nothing';
  return shorten(typeof value.value === 'string' ? JSON.stringify(value.value) : value.source);
}

/** At most 60 characters, cut with an ellipsis. */
export function shorten(text: string): string {
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN - 1)}…`;
}

/**
 * A scalar from text typed at a prompt or written as a default: numbers, `true`, `false` and `null` as in JSON, the rest text.
 */
export function scalarOf(source: string, at: { readonly place: Place; readonly dir: string }): LocatedScalar {
  return { kind: 'scalar', value: plainValue(source), source, place: at.place, dir: at.dir };
}

function plainValue(source: string): LocatedScalar['value'] {
  if (source === 'null') return null;
  if (source === 'true' || source === 'false') return source === 'true';
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(source) ? Number(source) : source;
}
