import { AppError } from '../../errors/app-error.ts';

/** A string literal. SQL text cannot hold NUL, so that character is spliced in by chr(0). */
export const literal = (text: string): string =>
  text
    .split('\0')
    .map((piece) => `'${piece.replaceAll("'", "''")}'`)
    .join(' || chr(0) || ');

/** A quoted identifier; NUL, which no identifier can hold, becomes its picture U+2400. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""').replaceAll('\0', '\u2400')}"`;

/**
 * The pattern that matches exactly this path: DuckDB takes the arguments of read_parquet for patterns, and would rather read another file that
 * matches than the one so named. A backslash cannot be kept from splitting a pattern, so both in one path are refused.
 * @throws OUTPUT_PATH_UNSUPPORTED
 */
export function pathPattern(path: string): string {
  if (!/[*?[]/.test(path)) return path;
  if (path.includes('\\'))
    throw new AppError('OUTPUT_PATH_UNSUPPORTED', {
      message: `path ${JSON.stringify(path)} has a backslash and one of * ? [, which DuckDB cannot tell from a pattern`,
    });
  return path.replaceAll(/[*?[]/g, '[$&]');
}

/** The list argument of read_parquet and of the metadata functions. */
export const fileList = (paths: readonly string[]): string =>
  `[${paths.map((path) => literal(pathPattern(path))).join(', ')}]`;
