import type { ColumnObservation } from '../domain/manifest.ts';
import { BIGINT_MAX, BIGINT_MIN } from './column-values.ts';
import { BadOutputError } from './json-text.ts';

export type Observed = ColumnObservation & { readonly column: string };
type Kind = ColumnObservation['kinds'][number];

/** Remembers which kinds of values each column held (`output: infer`). Outputs that are no objects count as column `output`; null says nothing. */
export interface Observer {
  /** @throws BadOutputError when the task has more distinct keys than a table can have columns */
  see(output: unknown): void;
  add(earlier: readonly Observed[]): void;
  /** In order of first sight. */
  columns(): readonly Observed[];
}

/** More distinct keys than this are data, not column names. */
export const MAX_COLUMNS = 2_000;

export function createObserver(): Observer {
  const seen = new Map<string, Set<Kind>>();
  const note = (column: string, kind: Kind): void => {
    const kinds = seen.get(column);
    if (kinds !== undefined) kinds.add(kind);
    else seen.set(column, new Set([kind]));
  };
  return {
    see(output) {
      const value = jsonView(output);
      if (value === null || value === undefined) return;
      if (kindOf(value) !== 'json' || Array.isArray(value) || isTyped(value)) return note('output', kindOf(value));
      const entries = Object.entries(value as object).filter(([, field]) => field !== undefined);
      const fresh = entries.filter(([key]) => !seen.has(key)).length;
      if (seen.size + fresh > MAX_COLUMNS)
        throw new BadOutputError(
          `the outputs of this task have more than ${MAX_COLUMNS} different keys, too many for columns (use output: json)`,
        );
      for (const [key, field] of entries) note(key, kindOf(jsonView(field)));
    },
    add(earlier) {
      for (const { column, kinds } of earlier) for (const kind of kinds) note(column, kind);
    },
    columns: () => Array.from(seen, ([column, kinds]) => ({ column, kinds: [...kinds] })),
  };
}

/** What JSON makes of an object with a toJSON method, such as a Date. */
function jsonView(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const toJson = (value as { readonly toJSON?: unknown }).toJSON;
  return typeof toJson === 'function' ? (toJson.call(value, '') as unknown) : value;
}

const isTyped = (value: unknown): boolean => ArrayBuffer.isView(value);

function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'undefined':
      return 'null';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'number':
      // Beyond 2^53 the digits are not exact, so such a number is a double that happens to be whole.
      if (!Number.isSafeInteger(value)) return 'double';
      return value === (value | 0) ? 'int' : 'bigint';
    case 'bigint':
      return value >= BIGINT_MIN && value <= BIGINT_MAX ? 'bigint' : 'json';
    case 'object':
      return value === null ? 'null' : 'json';
    case 'function':
    case 'symbol':
      return 'json';
  }
}
