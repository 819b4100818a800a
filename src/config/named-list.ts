import { basename } from 'node:path';
import { describeFound, shorten, type Located, type LocatedMap } from './located.ts';
import { readRecords } from './record-list.ts';
import type { ReadContext } from './value-type.ts';

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
  const seen = new Map<string, Located>();
  const readNamed = (item: LocatedMap, within: ReadContext): T | undefined => {
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
    if (earlier !== undefined)
      return within.problem(`found the name ${shorten(JSON.stringify(written))} again${lineOf(earlier)}`, {
        at: name.value,
        hint: `Keep one of the two`,
      });
    seen.set(written, item);
    return record;
  };
  return readRecords(
    value,
    {
      what,
      expected: `a list of ${what}s such as [${example}]`,
      expectedRecord: `a ${what} such as ${example}`,
      most,
      title: (item, index) => `${what} ${nameOf(item) ?? index + 1}`,
      read: readNamed,
    },
    context,
  );
}

const lineOf = ({ place }: Located): string =>
  place.line === undefined ? '' : `, which is on line ${place.line} already`;

function nameOf(item: Located): string | null {
  const name = item.kind === 'map' ? item.entries.get('name')?.value : undefined;
  return name?.kind === 'scalar' && typeof name.value === 'string' && name.value !== '' ? shorten(name.value) : null;
}

/** `job.yaml:12:5`, or the flag it was given by. */
export function sourceWords({ place }: Located): string {
  if (place.line === undefined) return shorten(place.file);
  return `${basename(place.file)}:${place.line}${place.column === undefined ? '' : `:${place.column}`}`;
}
