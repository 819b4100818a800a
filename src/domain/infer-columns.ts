import type { ColumnObservation } from './manifest.ts';
import { FIXED_COLUMNS, type ColumnType } from './output-columns.ts';

export interface InferredColumn {
  /** Member of the output objects. */
  readonly member: string;
  /** Name in the output: the member's, or with `_output` appended where that is taken. */
  readonly name: string;
  readonly type: ColumnType;
}

type Kind = ColumnObservation['kinds'][number];

/**
 * The columns of `output: infer`, from what every task observed, in order of first sight. The type depends on the kinds only, never on
 * their order: only null → string; bool → bool; whole numbers → bigint; numbers → double; lists, objects and integers beyond 64 bits →
 * json, whatever else the column holds; any other mixture → string.
 */
export function inferColumns(
  tasks: Iterable<readonly (ColumnObservation & { readonly column: string })[]>,
): InferredColumn[] {
  const seen = new Map<string, Set<Kind>>();
  for (const task of tasks)
    for (const { column, kinds } of task) {
      const all = seen.get(column) ?? new Set<Kind>();
      for (const kind of kinds) all.add(kind);
      seen.set(column, all);
    }
  const names = freeNames([...seen.keys()]);
  return Array.from(seen, ([member, kinds], at) => ({ member, name: names[at] as string, type: unify(kinds) }));
}

function unify(kinds: ReadonlySet<Kind>): ColumnType {
  const held = new Set([...kinds].filter((kind) => kind !== 'null'));
  const only = (...allowed: Kind[]): boolean => held.size > 0 && [...held].every((kind) => allowed.includes(kind));
  if (held.has('json')) return 'json';
  if (only('bool')) return 'bool';
  if (only('int', 'bigint')) return 'bigint';
  if (only('int', 'bigint', 'double')) return 'double';
  return 'string';
}

/**
 * Output column names that clash with nothing: SQL does not tell names apart by case, so a name that equals a fixed column or an earlier one in all
 * but case gets `_output` appended, as often as needed. A name SQL cannot hold is made so: empty becomes `_`, NUL its picture U+2400.
 */
export function freeNames(wanted: readonly string[]): string[] {
  const taken = new Set<string>(FIXED_COLUMNS);
  return wanted.map((text) => {
    let name = text === '' ? '_' : text.replaceAll('\0', '\u2400');
    while (taken.has(name.toLowerCase())) name += '_output';
    taken.add(name.toLowerCase());
    return name;
  });
}
