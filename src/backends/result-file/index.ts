import { existsSync } from 'node:fs';
import type Sqlite from 'better-sqlite3';
import { AppError, messageOf } from '../../errors/app-error.ts';
import type { ItemOutcome } from '../../domain/outcome.ts';
import type { ResultFile, ResultFiles, SealedResultFile } from '../../ports/result-file.ts';
import { scratchFull } from '../shared/scratch-full.ts';
import { fromRow, OUTCOME_COLUMNS, toRow, type OutcomeRow } from './outcome-rows.ts';

/** `user_version` of the file: raised when the table changes. */
const SCHEMA_VERSION = 1;
/** `application_id`, ASCII "slrm": tells `file` and a reader that this is ours. */
const APPLICATION_ID = 0x736c726d;

const CREATE = `CREATE TABLE outcomes (
  item_index INTEGER PRIMARY KEY,
  item_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('succeeded', 'failed')),
  attempts INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  error_class TEXT,
  error_message TEXT,
  cause TEXT,
  output TEXT
)`;

export interface ResultFileOptions {
  /** Most pages (4 KiB each) of a file; SQLite answers more like a full disk. Absent: what the disk holds. */
  readonly maxPages?: number;
}

/** Result files in SQLite. The native module is loaded here, not when this file is imported. */
export async function createSqliteResultFiles(options: ResultFileOptions = {}): Promise<ResultFiles> {
  const { default: Database } = await import('better-sqlite3');
  return {
    create(path) {
      if (existsSync(path)) throw new Error(`${path} exists already`);
      return writing(path, () => createFile(new Database(path), options));
    },
    openSealed: (path) => readSealed(path, () => new Database(path, { readonly: true, fileMustExist: true })),
    openBytes: (bytes, name) =>
      readSealed(
        name,
        () => new Database(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), { readonly: true }),
      ),
  };
}

/** Runs one step on the file at `path`; a full disk becomes SCRATCH_FULL. */
function writing<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw scratchFull(error, path);
  }
}

/**
 * One writer on node-local disk, and a node that goes down loses the file anyway (the next attempt starts from the checkpoint): so no fsync. What is
 * written outlives the process, and is checked before anybody believes it. The rollback journal stays, in memory, because a transaction that meets a full disk must leave the rows before it readable for the checkpoint.
 */
function createFile(db: Sqlite.Database, options: ResultFileOptions): ResultFile {
  db.pragma('journal_mode = MEMORY');
  db.pragma('synchronous = OFF');
  db.pragma('locking_mode = EXCLUSIVE');
  if (options.maxPages !== undefined) db.pragma(`max_page_count = ${options.maxPages}`);
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.pragma(`user_version = ${SCHEMA_VERSION}`);
  db.exec(CREATE);
  const insert = db.prepare(`INSERT INTO outcomes (${OUTCOME_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const one = db.prepare(`SELECT ${OUTCOME_COLUMNS} FROM outcomes WHERE item_index = ?`).raw();
  /** Item indices in the order of their append: what a checkpoint has not seen is the tail of it. */
  const order: number[] = [];
  let succeeded = 0;
  const insertAll = db.transaction((outcomes: readonly ItemOutcome[]) => {
    for (const outcome of outcomes) insert.run(toRow(outcome));
  });
  return {
    append(outcomes) {
      writing(db.name, () => insertAll(outcomes));
      for (const outcome of outcomes) {
        order.push(outcome.itemIndex);
        if (outcome.status === 'succeeded') succeeded += 1;
      }
    },
    rowsSince(afterRow, mostChars = Infinity) {
      const rows: ItemOutcome[] = [];
      for (let at = afterRow, chars = 0; at < order.length && chars < mostChars; at += 1) {
        const row = fromRow(one.get(order[at]) as OutcomeRow);
        chars += row.output?.length ?? 0;
        rows.push(row);
      }
      return rows;
    },
    byIndex: () => readByIndex(db),
    count: () => ({ rows: order.length, succeeded, failed: order.length - succeeded }),
    seal: () => writing(db.name, () => void db.close()),
    discard: () => void db.close(),
  };
}

function* readByIndex(db: Sqlite.Database, only?: 'failed'): Generator<ItemOutcome> {
  const which = only === undefined ? '' : `WHERE status = 'failed'`;
  const rows = db.prepare(`SELECT ${OUTCOME_COLUMNS} FROM outcomes ${which} ORDER BY item_index`).raw().iterate();
  for (const row of rows) yield fromRow(row as OutcomeRow);
}

function readSealed(path: string, open: () => Sqlite.Database): SealedResultFile {
  const db = corruptIfThrows(path, open);
  try {
    corruptIfThrows(path, () => checkSealed(db, path));
  } catch (error) {
    db.close();
    throw error;
  }
  return {
    count() {
      return corruptIfThrows(path, () => {
        const query = `SELECT count(*) AS rows, count(*) FILTER (WHERE status = 'succeeded') AS succeeded FROM outcomes`;
        const { rows, succeeded } = db.prepare(query).get() as { readonly rows: number; readonly succeeded: number };
        return { rows, succeeded, failed: rows - succeeded };
      });
    },
    *byIndex(only) {
      try {
        yield* readByIndex(db, only);
      } catch (error) {
        throw asCorrupt(path, error);
      }
    },
    close: () => void db.close(),
  };
}

function checkSealed(db: Sqlite.Database, path: string): void {
  const version = db.pragma('user_version', { simple: true });
  const application = db.pragma('application_id', { simple: true });
  if (application !== APPLICATION_ID || version !== SCHEMA_VERSION)
    throw new AppError('RESULT_CORRUPT', {
      message: `${path} is not a result file of this version: found application ${String(application)} schema ${String(version)}, expected ${APPLICATION_ID} schema ${SCHEMA_VERSION}`,
    });
  const verdict = db.pragma('quick_check(1)', { simple: true });
  if (verdict !== 'ok') throw new AppError('RESULT_CORRUPT', { message: `${path} is damaged: ${String(verdict)}` });
}

function corruptIfThrows<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw asCorrupt(path, error);
  }
}

function asCorrupt(path: string, error: unknown): unknown {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code !== 'string' || !code.startsWith('SQLITE_')) return error;
  return new AppError('RESULT_CORRUPT', {
    message: `${path} cannot be read: ${messageOf(error)} (${code})`,
    cause: error,
  });
}
