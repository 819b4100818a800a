import { availableParallelism } from 'node:os';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { AppError, messageOf } from '../../errors/app-error.ts';
import { loadDuckDB } from '../shared/load-duckdb.ts';
import { literal } from './sql-text.ts';

/** One in-memory DuckDB with its own limits. A session a call: settings, locks and memory of one call never touch another's. */
export interface Session {
  readonly connection: DuckDBConnection;
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<DuckDBValue[][]>;
  close(): void;
}

export interface SessionOptions {
  readonly memoryLimitBytes: number;
  readonly threads: number;
  /** Directory for spilling, created when needed. DuckDB's names in it are fixed and a query may read it: a session must have it alone. */
  readonly spill: string;
}

export const queryThreads = (): number => Math.min(4, availableParallelism());

/** Nothing is fetched from the network, and no extension is loaded but those inside the library. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { DuckDBInstance } = loadDuckDB();
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${Math.floor(options.memoryLimitBytes / 1024)}KiB`,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  });
  const connection = await instance.connect();
  let closed = false;
  const session: Session = {
    connection,
    async run(sql) {
      await connection.run(sql).catch((error: unknown) => {
        throw spillFull(error, options.spill);
      });
    },
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRows(),
    close() {
      if (closed) return;
      closed = true;
      connection.closeSync();
      instance.closeSync();
    },
  };
  await session.run(`SET temp_directory = ${literal(options.spill)}`);
  // Timestamps are instants; the zone of the host must not show in a result.
  await session.run(`SET TimeZone = 'UTC'`);
  return session;
}

/** SCRATCH_FULL when DuckDB ran out of disk, else the error as it came. */
export function spillFull(error: unknown, spill: string): unknown {
  const message = messageOf(error);
  if (!/No space left on device|Disk quota exceeded|max_temp_directory_size/i.test(message)) return error;
  return new AppError('SCRATCH_FULL', { message: `no space left in ${spill}: ${message}`, cause: error });
}
