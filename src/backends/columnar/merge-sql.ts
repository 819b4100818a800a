import { FIXED_COLUMNS, type ColumnType } from '../../domain/output-columns.ts';
import type { MergeColumn, MergeRequest } from '../../ports/columnar.ts';
import { fileList, identifier, literal } from './sql-text.ts';

/**
 * Types of the published columns. A timestamp is an instant, hence WITH TIME ZONE (adjusted to UTC in the file); JSON stays text, because not every
 * reader of Parquet knows the JSON annotation.
 */
export const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  string: 'VARCHAR',
  int: 'INTEGER',
  bigint: 'BIGINT',
  double: 'DOUBLE',
  bool: 'BOOLEAN',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  json: 'VARCHAR',
};

/** The SELECT that turns the inputs of a merge into its rows, in the order of the inputs. */
export function mergeSelect(request: MergeRequest): string {
  const { columns, from, to } = request;
  // Names in the files do not matter: they may repeat when case is ignored, as SQL does. Position does.
  const own = from === 'infer' || from === 'json' ? 1 : columns.length;
  const names = [...FIXED_COLUMNS, 'cause', ...Array.from({ length: own }, (_none, at) => privateName(at))];
  const source = `read_parquet(${fileList(request.inputs)}, hive_partitioning = false) AS part(${names.join(', ')})`;
  const filter = to === 'errors' ? ` WHERE status = 'failed'` : '';
  const head = to === 'results' ? FIXED_COLUMNS : [...FIXED_COLUMNS, 'cause'];
  if (to === 'errors' || columns.length === 0) return `SELECT ${head.join(', ')} FROM ${source}${filter}`;
  const values = from === 'infer' ? memberValues(columns) : columns.map((column, at) => storedValue(column, at));
  const named = columns.map(
    (column, at) => `${values[at]} AS ${to === 'merged' ? privateName(at) : identifier(column.name)}`,
  );
  return `SELECT ${[...head, ...named].join(', ')} FROM ${from === 'infer' ? withMembers(source, columns) : source}`;
}

const privateName = (at: number): string => `o${at}`;

function storedValue(column: MergeColumn, at: number): string {
  const name = privateName(at);
  // A leaf's milliseconds are read as a timestamp without zone; they are UTC.
  return column.type === 'timestamp'
    ? `CAST(${name} AS TIMESTAMP WITH TIME ZONE)`
    : `CAST(${name} AS ${SQL_TYPES[column.type]})`;
}

/** RFC 6901. */
const pointer = (member: string): string => `/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;

const isJson = (column: MergeColumn): boolean => column.type === 'json';

/**
 * Parses each output once for all scalar members and once for all JSON members. An output that is not an object is the value of the
 * member `output`: it is wrapped, so that one rule finds both.
 */
function withMembers(source: string, columns: readonly MergeColumn[]): string {
  const wrapped = columns.some((column) => column.member === 'output')
    ? `CASE WHEN starts_with(o0, '{') THEN o0 ELSE '{"output":' || o0 || '}' END`
    : 'o0';
  const lists = (['json_extract_string', 'json_extract'] as const).map((extract) => {
    const wanted = columns.filter((column) => isJson(column) === (extract === 'json_extract'));
    if (wanted.length === 0) return 'NULL';
    return `${extract}(${wrapped}, [${wanted.map((column) => literal(pointer(column.member as string))).join(', ')}])`;
  });
  return `(SELECT *, ${lists[0]} AS scalars, ${lists[1]} AS documents FROM ${source})`;
}

function memberValues(columns: readonly MergeColumn[]): string[] {
  const seen = { scalars: 0, documents: 0 };
  return columns.map((column) => {
    if (isJson(column)) {
      seen.documents += 1;
      return `nullif(CAST(documents[${seen.documents}] AS VARCHAR), 'null')`;
    }
    seen.scalars += 1;
    return `CAST(scalars[${seen.scalars}] AS ${SQL_TYPES[column.type]})`;
  });
}
