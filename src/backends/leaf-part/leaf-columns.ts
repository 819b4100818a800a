import type { ItemOutcome } from '../../domain/outcome.ts';
import { FIXED_COLUMNS, LEAF_PHYSICAL, type ColumnType, type OutputSpec } from '../../domain/output-columns.ts';
import { createColumnBuffer, type ColumnBuffer } from './column-buffer.ts';
import { parseExactJson } from '../../domain/exact-json.ts';

/** The columns of a leaf part and how one outcome fills them. */
export interface LeafColumns {
  readonly all: readonly ColumnBuffer[];
  push(outcome: ItemOutcome): void;
}

/** Fixed columns, `cause`, then the declared columns, or one `output` column of JSON text. */
export function createLeafColumns(output: OutputSpec): LeafColumns {
  const itemId = createColumnBuffer('item_id', 'UTF8', false);
  const itemIndex = createColumnBuffer('item_index', 'INT64', false);
  const status = createColumnBuffer('status', 'UTF8', false);
  const attempts = createColumnBuffer('attempts', 'INT32', false);
  const durationMs = createColumnBuffer('duration_ms', 'DOUBLE', false);
  const errorClass = createColumnBuffer('error_class', 'UTF8', true);
  const errorMessage = createColumnBuffer('error_message', 'UTF8', true);
  const cause = createColumnBuffer('cause', 'UTF8', true);
  const fixed = [itemId, itemIndex, status, attempts, durationMs, errorClass, errorMessage, cause];
  const own = output.mode === 'columns' ? typedColumns(output.columns) : jsonColumn();
  return {
    all: [...fixed, ...own.all],
    push(outcome) {
      itemId.push(outcome.itemId);
      itemIndex.push(outcome.itemIndex);
      status.push(outcome.status);
      attempts.push(outcome.attempts);
      durationMs.push(outcome.durationMs);
      errorClass.push(outcome.errorClass);
      errorMessage.push(outcome.errorMessage);
      cause.push(outcome.cause);
      own.push(outcome.output);
    },
  };
}

interface OutputColumns {
  readonly all: readonly ColumnBuffer[];
  push(output: string | null): void;
}

function jsonColumn(): OutputColumns {
  const column = createColumnBuffer('output', 'UTF8', true);
  return { all: [column], push: (output) => column.push(output) };
}

function typedColumns(types: Readonly<Record<string, ColumnType>>): OutputColumns {
  const taken = new Set<string>([...FIXED_COLUMNS, 'cause', '__proto__']);
  const columns = Object.entries(types).map(([name, type]) => ({
    name,
    buffer: createColumnBuffer(freeName(name, taken), LEAF_PHYSICAL[type].parquet, true),
    read: READERS[type],
  }));
  return {
    all: columns.map((column) => column.buffer),
    push(output) {
      const values = output === null ? null : (parseExactJson(output) as Readonly<Record<string, unknown>> | null);
      for (const { name, buffer, read } of columns) {
        const value = values === null || !Object.hasOwn(values, name) ? null : values[name];
        buffer.push(value === null || value === undefined ? null : read(value));
      }
    },
  };
}

/** The merge goes by position, so a name that the file cannot have (twice) only gets underscores. */
function freeName(name: string, taken: Set<string>): string {
  let free = name;
  while (taken.has(free.toLowerCase())) free += '_';
  taken.add(free.toLowerCase());
  return free;
}

type Reader = (value: unknown) => string | number | bigint | boolean;

/** The worker stores typed outputs already checked and normalised, so these only change the representation. */
const READERS: Readonly<Record<ColumnType, Reader>> = {
  string: (value) => value as string,
  int: (value) => value as number,
  bigint: (value) => value as number | bigint,
  double: (value) => Number(value),
  bool: (value) => value as boolean,
  timestamp: (value) => Date.parse(value as string),
  json: (value) => exactJsonText(value),
};

function exactJsonText(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(exactJsonText).join(',')}]`;
  const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${exactJsonText(inner)}`);
  return `{${members.join(',')}}`;
}
