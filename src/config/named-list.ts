import { basename } from 'node:path';
import { describeFound, shorten, type Located, type LocatedMap } from './located.ts';
import { unexpected, type ReadContext } from './value-type.ts';

interface NamedListOptions<T> {
  /** `limit`, `pool`: what a record of the list is. */
  readonly what: string;
  /** A record as it should look. */
  readonly example: string;
  readonly most: number;
  /** The record, or undefined after telling every problem with it. */
  readonly read: (record: LocatedMap, context: ReadContext) => T | undefined;
}

/** A list of records that each have a `name` of their own; undefined after telling every problem. */
export function readNamedList<T extends { readonly name: string }>(
  value: Located,
  { what, example, most, read }: NamedListOptions<T>,
  context: ReadContext,
): readonly T[] | undefined {
  const expected = `a list of ${what}s such as [${example}]`;
  if (value.kind !== 'list')
    return unexpected(value, expected, {
      context,
      ...(value.kind === 'map' ? { hint: `Begin each ${what} with - ` } : {}),
    });
  if (value.items.length > most)
    return context.problem(`found ${value.items.length} ${what}s, expected at most ${most}`, { at: value });
  const seen = new Map<string, number>();
  const found = value.items.map((item, index) => {
    const within = recordContext(context, { what, index, item });
    if (item.kind !== 'map') return unexpected(item, `a ${what} such as ${example}`, { context: within });
    const name = item.entries.get('name');
    if (name === undefined) {
      within.problem(`found a ${what} without \`name\` (${describeFound(item)}), expected ${example}`, { at: item });
      // The rest of it may have problems too.
      read(item, within);
      return undefined;
    }
    const record = read(item, within);
    const written = name.value.kind === 'scalar' ? String(name.value.value) : '';
    const earlier = seen.get(written);
    if (earlier === undefined) seen.set(written, index);
    else
      return within.problem(`found the name ${shorten(JSON.stringify(written))} again${lineOf(value.items[earlier])}`, {
        at: name.value,
        hint: `Keep one of the two`,
      });
    return record;
  });
  return found.includes(undefined) ? undefined : (found as T[]);
}

const lineOf = (item: Located | undefined): string =>
  item?.place.line === undefined ? '' : `, which is on line ${item.place.line} already`;

function recordContext(
  context: ReadContext,
  { what, index, item }: { readonly what: string; readonly index: number; readonly item: Located },
): ReadContext {
  const name = item.kind === 'map' ? item.entries.get('name')?.value : undefined;
  const shown =
    name?.kind === 'scalar' && typeof name.value === 'string' && name.value !== '' ? shorten(name.value) : null;
  const title = shown === null ? `${what} ${index + 1}` : `${what} ${shown}`;
  return {
    path: `${context.path}[${index}]`,
    problem: (message, where) => context.problem(`${title}: ${message}`, where),
  };
}

/** `job.yaml:12:5`, or the flag it was given by. */
export function sourceWords({ place }: Located): string {
  if (place.line === undefined) return shorten(place.file);
  return `${basename(place.file)}:${place.line}${place.column === undefined ? '' : `:${place.column}`}`;
}
