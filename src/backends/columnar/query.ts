import { join } from 'node:path';
import type { DuckDBPreparedStatement, DuckDBResult } from '@duckdb/node-api';
import { AppError, messageOf } from '../../errors/app-error.ts';
import type { QueryRequest, QueryResult } from '../../ports/columnar.ts';
import { loadDuckDB } from '../shared/load-duckdb.ts';
import { fileList, identifier, literal, pathPattern } from './sql-text.ts';
import { openSession, queryThreads, spillFull, type Session } from './session.ts';
import { plainRows } from './values.ts';

/** Opens the views, locks everything else, and runs the one statement. */
export async function runQuery(request: QueryRequest, memoryLimitBytes: number): Promise<QueryResult> {
  const spill = join(request.scratch, 'spill');
  const session = await openSession({ memoryLimitBytes, threads: request.inTurn === true ? 1 : queryThreads(), spill });
  try {
    await openViews(session, request.views);
    const statement = await onlyStatement(session, request.sql);
    const paths = Object.values(request.views);
    const result = await statement.stream().catch((error: unknown) => {
      throw invalid(error, { spill, paths });
    });
    const types = result.columnTypes();
    const columns = result.deduplicatedColumnNames().map((name, at) => ({ name, type: String(types[at]) }));
    return {
      columns,
      rows: readRows(result, session, { rowsOf: plainRows(loadDuckDB(), types), spill, paths }),
      close: async () => session.close(),
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

/** After this the session reads the files of the views and nothing else, writes nothing, and cannot be talked out of it. */
async function openViews(session: Session, views: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, path] of Object.entries(views))
    await session
      .run(`CREATE VIEW ${identifier(name)} AS FROM read_parquet(${fileList([path])}, hive_partitioning = false)`)
      .catch((error: unknown) => {
        throw unreadable(path, error);
      });
  const allowed = [...new Set(Object.values(views).flatMap((path) => [path, pathPattern(path)]))];
  await session.run(`SET allowed_paths = [${allowed.map(literal).join(', ')}]`);
  await session.run('SET enable_external_access = false');
  await session.run('SET lock_configuration = true');
}

async function onlyStatement(session: Session, sql: string): Promise<DuckDBPreparedStatement> {
  const { StatementType } = loadDuckDB();
  const extracted = await session.connection.extractStatements(sql).catch((error: unknown) => {
    const message = messageOf(error);
    // What the binding says when there is nothing in the text.
    throw invalid(message === 'Error in native callback' ? new Error('there is no statement in it') : error);
  });
  if (extracted.count !== 1)
    throw new AppError('QUERY_INVALID', {
      message: `found ${extracted.count} statements, expected one SELECT`,
      hint: 'Send one statement; a PIVOT counts as several unless its values are listed: pivot results on status in (succeeded, failed)',
    });
  const statement = await extracted.prepare(0).catch((error: unknown) => {
    throw invalid(error);
  });
  const kind = statement.statementType;
  if (kind !== StatementType.SELECT && kind !== StatementType.EXPLAIN)
    throw new AppError('QUERY_INVALID', {
      message: `found a ${StatementType[kind]} statement, expected a SELECT: results are read-only`,
    });
  return statement;
}

interface Reading extends Failing {
  readonly rowsOf: ReturnType<typeof plainRows>;
}

async function* readRows(result: DuckDBResult, session: Session, reading: Reading): AsyncGenerator<unknown[][]> {
  try {
    for await (const chunk of result) yield reading.rowsOf(chunk);
  } catch (error) {
    throw invalid(error, reading);
  } finally {
    session.close();
  }
}

interface Failing {
  readonly spill: string;
  /** Files of the views. */
  readonly paths: readonly string[];
}

/** Whose fault it is: the disk's, a file's, or the statement's. */
function invalid(error: unknown, about?: Failing): unknown {
  const full = about === undefined ? error : spillFull(error, about.spill);
  if (full instanceof AppError) return full;
  const message = messageOf(error);
  const damaged = about?.paths.find((path) => UNREADABLE.test(message) && message.includes(path));
  if (damaged !== undefined) return unreadable(damaged, error);
  return new AppError('QUERY_INVALID', { message: `the query cannot be run: ${message}`, cause: error });
}

/** What DuckDB says of a file whose bytes are not what they were. */
const UNREADABLE = /Failed to read file|Could not read enough bytes|IO Error/;

const unreadable = (path: string, error: unknown): AppError =>
  new AppError('RESULT_CORRUPT', {
    message: `${path} is damaged: ${messageOf(error).split('\n')[0]}`,
    hint: 'Make the output anew with: slurmctl aggregate JOB',
    cause: error,
  });
