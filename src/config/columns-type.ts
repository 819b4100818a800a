import { COLUMN_TYPES, FIXED_COLUMNS, type ColumnType, type OutputColumns } from '../domain/output-columns.ts';
import { shorten, type Located } from './located.ts';
import { suggestOneOf } from './near-miss.ts';
import { unexpected, type ReadContext, type ValueType } from './value-type.ts';

/** Names other tools give to the same types. */
const OTHER_NAMES: Readonly<Record<string, ColumnType>> = {
  boolean: 'bool',
  date: 'timestamp',
  datetime: 'timestamp',
  float: 'double',
  float64: 'double',
  int32: 'int',
  int64: 'bigint',
  integer: 'int',
  long: 'bigint',
  number: 'double',
  object: 'json',
  str: 'string',
  text: 'string',
  varchar: 'string',
};

const LONGEST_NAME = 200;
const MOST_COLUMNS = 1_000;

/** Names and types of output columns, in the order written. */
export function outputColumns(): ValueType<OutputColumns> {
  const expected = 'column names with their types, such as {score: double, label: string}';
  return {
    expected,
    schema: { type: 'object', minProperties: 1, additionalProperties: { enum: COLUMN_TYPES } },
    read(value, context) {
      if (value.kind !== 'map' || value.entries.size === 0)
        return unexpected(value, expected, { context, ...modeHint(value) });
      if (value.entries.size > MOST_COLUMNS)
        return context.problem(`found ${value.entries.size} columns, expected at most ${MOST_COLUMNS}`, { at: value });
      const columns: [string, ColumnType][] = [];
      const seen = new Map<string, string>();
      for (const [name, entry] of value.entries) {
        const clash = nameProblem(name, seen);
        seen.set(name.toLowerCase(), name);
        if (clash !== null) context.problem(clash, { at: entry.keyPlace, hint: 'Choose another name' });
        const type = readType(entry.value, { context, name });
        if (clash === null && type !== undefined) columns.push([name, type]);
      }
      return columns.length === value.entries.size ? Object.fromEntries(columns) : undefined;
    },
  };
}

function modeHint(value: Located): { hint?: string } {
  const word = value.kind === 'scalar' ? value.value : null;
  return word === 'infer' || word === 'json' ? { hint: `Write it as output: ${word}` } : {};
}

function nameProblem(name: string, seen: ReadonlyMap<string, string>): string | null {
  if (name.trim() === '') return 'found a column without a name';
  // oxlint-disable-next-line no-control-regex -- finding them is the point
  if (/[\u0000-\u001f\u007f]/.test(name))
    return `found a control character in the column name ${shorten(JSON.stringify(name))}`;
  // Objects move keys that are numbers to the front, which would change the order of the columns.
  if (/^\d+$/.test(name)) return `found the number ${shorten(name)} as a column name`;
  if (name.length > LONGEST_NAME)
    return `found a column name of ${name.length} characters, expected at most ${LONGEST_NAME}`;
  if ((FIXED_COLUMNS as readonly string[]).includes(name.toLowerCase()))
    return `found the column \`${name}\`, which every output has already`;
  const earlier = seen.get(name.toLowerCase());
  return earlier === undefined ? null : `found the columns \`${earlier}\` and \`${name}\`, which differ only in case`;
}

function readType(value: Located, { context, name }: { context: ReadContext; name: string }): ColumnType | undefined {
  const found = value.kind === 'scalar' ? value.value : undefined;
  const type = COLUMN_TYPES.find((each) => each === found);
  if (type !== undefined) return type;
  const other = typeof found === 'string' ? OTHER_NAMES[found.toLowerCase()] : undefined;
  const hint =
    other === undefined
      ? suggestOneOf(typeof found === 'string' ? found : '', COLUMN_TYPES)
      : `Did you mean \`${other}\`?`;
  return unexpected(value, `a type for the column \`${shorten(name)}\``, { context, hint });
}
