import type { Columnar, QueryResult } from '../../ports/columnar.ts';
import { mergeParts } from './merge.ts';
import { runQuery } from './query.ts';

export interface ColumnarOptions {
  /** Most memory DuckDB takes for one call, bytes; above it, it spills to the scratch directory of the call. Default 1 GiB. */
  readonly memoryLimitBytes?: number;
}

const DEFAULT_MEMORY_BYTES = 1024 ** 3;

/** Parquet and SQL through DuckDB. The library (some 60 MB of native code) is loaded by the first call. */
export function createColumnar(options: ColumnarOptions = {}): Columnar {
  const memoryLimitBytes = options.memoryLimitBytes ?? DEFAULT_MEMORY_BYTES;
  const open = new Set<QueryResult>();
  return {
    merge: (request) => mergeParts(request, memoryLimitBytes),
    async query(request) {
      const result = await runQuery(request, memoryLimitBytes);
      open.add(result);
      const close = async (): Promise<void> => {
        open.delete(result);
        await result.close();
      };
      return { ...result, close };
    },
    async close() {
      for (const result of open) await result.close();
      open.clear();
    },
  };
}
