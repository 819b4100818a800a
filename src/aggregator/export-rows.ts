import type { QueryResult } from '../ports/columnar.ts';

export type ExportFormat = 'csv' | 'jsonl';

export interface ExportOptions {
  readonly format: ExportFormat;
  /** Columns whose text is JSON: in JSON lines they are embedded as values. */
  readonly jsonColumns: readonly string[];
}

/**
 * Rows as text, a piece a chunk. CSV: RFC 4180 with a header and LF; null is empty, the empty string is `""`; NaN and the infinities by name. JSON
 * lines: integers keep all their digits; NaN and the infinities are strings, as in the outputs themselves.
 */
export async function* exportRows(
  { columns, rows }: Pick<QueryResult, 'columns' | 'rows'>,
  options: ExportOptions,
): AsyncGenerator<string> {
  const names = columns.map(({ name }) => name);
  if (options.format === 'csv') yield csvLine(names);
  const line = options.format === 'csv' ? csvLine : jsonLine(names, new Set(options.jsonColumns));
  for await (const chunk of rows) yield chunk.map(line).join('');
}

const csvLine = (values: readonly unknown[]): string => `${values.map(csvField).join(',')}\n`;

function csvField(value: unknown): string {
  if (value === null) return '';
  const text = typeof value === 'string' ? value : typeof value === 'number' ? `${value}` : exactJson(value);
  return text === '' || /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

function jsonLine(names: readonly string[], jsonColumns: ReadonlySet<string>): (values: readonly unknown[]) => string {
  const columns = names.map((name) => ({ label: JSON.stringify(name), isJson: jsonColumns.has(name) }));
  return (values) => {
    const members = columns.map(({ label, isJson }, at) => {
      const value = values[at];
      // Line breaks can only be white space between tokens there.
      return `${label}:${isJson && typeof value === 'string' ? value.replaceAll(/[\r\n]/g, ' ') : exactJson(value)}`;
    });
    return `{${members.join(',')}}\n`;
  };
}

function exactJson(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number' && !Number.isFinite(value)) return `"${value}"`;
  if (value === null || value === undefined || typeof value !== 'object') return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(exactJson).join(',')}]`;
  const members = Object.entries(value).map(([key, inner]) => `${JSON.stringify(key)}:${exactJson(inner)}`);
  return `{${members.join(',')}}`;
}
