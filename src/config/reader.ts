import type { Place, Problem } from '../errors/app-error.ts';
import { isSection, keysBelow, type KeyRow, type KeyTable, type ValueOf } from './key-table.ts';
import { describeFound, scalarOf, shorten, type Located, type LocatedEntry, type LocatedMap } from './located.ts';
import { nearMiss } from './near-miss.ts';
import { contextOf, type ReadContext } from './value-type.ts';

/** Reads the keys of one table out of a located tree, and gathers every problem on the way. */
export interface Reader<T extends KeyTable> {
  /** The value, its default, or undefined (absent, or invalid with its problems gathered). */
  read<K extends keyof T & string>(key: K): ValueOf<T[K]>;
  /** What a person wrote for the key; undefined when absent. */
  find(key: string): LocatedEntry | undefined;
  /** Where to point for a key: its value, else the nearest section above it, else the start of the file. */
  placeOf(key: string): Place;
  context(key: string): ReadContext;
}

interface ReaderOptions<T extends KeyTable> {
  readonly root: Located | null;
  readonly table: T;
  /** The start of the file, for what is missing from it. */
  readonly start: Place;
  /** Put before every key in messages, with its dot. */
  readonly prefix?: string;
  /** Keys of other versions and other programs, with what to do about them. */
  readonly strangers?: Readonly<Record<string, string>>;
  readonly problems: Problem[];
}

/** Checks the whole tree for unknown keys at once; values are checked when they are read. */
export function createReader<T extends KeyTable>(options: ReaderOptions<T>): Reader<T> {
  const { root, table, problems, start, prefix = '' } = options;
  const map = root?.kind === 'map' ? root : null;
  if (root !== null && map === null)
    problems.push({
      place: root.place,
      message: `${prefix === '' ? '' : `${prefix.slice(0, -1)}: `}found ${describeFound(root)}, expected keys such as ${keysBelow(table, '').slice(0, 3).join(', ')}`,
    });
  if (map !== null) checkKeys(map, '', options);
  const context = (key: string): ReadContext => contextOf(`${prefix}${key}`, problems);
  const find = (key: string): LocatedEntry | undefined => (map === null ? undefined : entryAt(map, key));
  return {
    find,
    context,
    placeOf(key) {
      for (let path = key; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
        const entry = find(path);
        if (entry !== undefined) return path === key ? entry.value.place : entry.keyPlace;
      }
      return start;
    },
    read(key) {
      const row = table[key] as KeyRow;
      const entry = find(key);
      const absent =
        entry === undefined || (isSection(table, key) && (entry.value.kind === 'map' || isNothing(entry.value)));
      const found = absent ? undefined : row.type.read(entry.value, context(key));
      return (found ?? defaultOf(key, row)) as ValueOf<T[typeof key]>;
    },
  };
}

function defaultOf(key: string, row: KeyRow): unknown {
  if (row.kind === 'optional') return undefined;
  const wrong: Problem[] = [];
  const value = row.type.read(scalarOf(row.default, { place: { file: 'default' }, dir: '/' }), contextOf(key, wrong));
  if (value === undefined)
    throw new Error(`the default of ${key} does not fit its own type: ${wrong.map((each) => each.message).join('; ')}`);
  return value;
}

function entryAt(root: LocatedMap, key: string): LocatedEntry | undefined {
  let entry: LocatedEntry | undefined;
  let within: Located = root;
  for (const part of key.split('.')) {
    if (within.kind !== 'map') return undefined;
    entry = within.entries.get(part);
    if (entry === undefined) return undefined;
    within = entry.value;
  }
  return entry;
}

const isNothing = (value: Located): boolean => value.kind === 'scalar' && value.value === null;

function checkKeys<T extends KeyTable>(map: LocatedMap, section: string, options: ReaderOptions<T>): void {
  const { table, problems, prefix = '' } = options;
  const known = keysBelow(table, section);
  for (const [key, entry] of map.entries) {
    const path = section === '' ? key : `${section}.${key}`;
    if (!known.includes(key)) {
      problems.push(unknownKey(path, { key, entry, known, options }));
    } else if (isSection(table, path)) {
      if (entry.value.kind === 'map') checkKeys(entry.value, path, options);
      // A section with everything in it commented out is empty, not wrong.
      else if (!Object.hasOwn(table, path) && !isNothing(entry.value))
        problems.push({
          place: entry.value.place,
          message: `${prefix}${path}: found ${describeFound(entry.value)}, expected a group of keys: ${keysBelow(table, path).join(', ')}`,
          ...meantHint(table, { path, key, value: entry.value }),
        });
    }
  }
}

/** A value where a group is expected may be meant for the key of the same name in another group, or for one of this group. */
function meantHint(
  table: KeyTable,
  { path, key, value }: { readonly path: string; readonly key: string; readonly value: Located },
): { readonly hint?: string } {
  const takesIt = (each: string): boolean => {
    const problems: Problem[] = [];
    return table[each]?.type.read(value, contextOf(each, problems)) !== undefined && problems.length === 0;
  };
  const elsewhere = Object.keys(table).filter(
    (each) => each.split('.').at(-1) === key && each !== path && takesIt(each),
  );
  if (elsewhere.length > 0) return { hint: `Did you mean \`${elsewhere.join('` or `')}\`?` };
  const below = keysBelow(table, path).filter((each) => takesIt(`${path}.${each}`));
  return below.length === 1 ? { hint: `Write ${path}: {${below[0]}: ${describeFound(value)}}` } : {};
}

interface UnknownKey<T extends KeyTable> {
  readonly key: string;
  readonly entry: LocatedEntry;
  readonly known: readonly string[];
  readonly options: ReaderOptions<T>;
}

function unknownKey<T extends KeyTable>(path: string, { key, entry, known, options }: UnknownKey<T>): Problem {
  const { table, prefix = '', strangers = {} } = options;
  const place = entry.keyPlace;
  const shown = shorten(`${prefix}${path}`);
  const stranger = Object.hasOwn(strangers, path) ? strangers[path] : undefined;
  if (stranger !== undefined) return { place, message: `${shown}: unknown key`, hint: stranger };
  const elsewhere = Object.keys(table).filter((each) => each.split('.').at(-1) === key);
  if (elsewhere.length > 0)
    return { place, message: `${shown}: unknown key here`, hint: `Did you mean \`${elsewhere.join('` or `')}\`?` };
  const near = nearMiss(key, known);
  if (near !== null) return { place, message: `${shown}: unknown key`, hint: `Did you mean \`${near}\`?` };
  return { place, message: `${shown}: unknown key`, hint: `Known here: ${known.join(', ')}` };
}
