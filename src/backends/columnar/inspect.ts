import { AppError, messageOf } from '../../errors/app-error.ts';
import type { ParquetShape } from '../../ports/columnar.ts';
import { fileList } from './sql-text.ts';
import { openSession, type Session } from './session.ts';

const FILES_A_QUERY = 1_000;

/** Rows of each file from its footer. @throws RESULT_CORRUPT naming the file */
export async function inspectFiles(
  paths: readonly string[],
  options: { readonly memoryLimitBytes: number; readonly scratch: string },
): Promise<ParquetShape[]> {
  const session = await openSession({ ...options, threads: 1 });
  try {
    const shapes: ParquetShape[] = [];
    for (let at = 0; at < paths.length; at += FILES_A_QUERY)
      shapes.push(...(await inspectSome(session, paths.slice(at, at + FILES_A_QUERY))));
    return shapes;
  } finally {
    session.close();
  }
}

async function inspectSome(session: Session, paths: readonly string[]): Promise<ParquetShape[]> {
  let rows: Map<string, number>;
  try {
    const found = await session.rows(`SELECT file_name, num_rows FROM parquet_file_metadata(${fileList(paths)})`);
    rows = new Map(found.map(([path, count]) => [path as string, Number(count)]));
  } catch (error) {
    throw (await firstBroken(session, paths)) ?? error;
  }
  return paths.map((path) => {
    const count = rows.get(path);
    if (count === undefined) throw corrupt(path, 'it was not found');
    return { path, rows: count };
  });
}

/** DuckDB's message does not always say which file it choked on. */
async function firstBroken(session: Session, paths: readonly string[]): Promise<AppError | null> {
  for (const path of paths) {
    try {
      await session.rows(`SELECT num_rows FROM parquet_file_metadata(${fileList([path])})`);
    } catch (error) {
      return error instanceof AppError ? error : corrupt(path, messageOf(error));
    }
  }
  return null;
}

const corrupt = (path: string, why: string): AppError =>
  new AppError('RESULT_CORRUPT', { message: `${path} is not a readable Parquet file: ${why}`, details: { path } });
