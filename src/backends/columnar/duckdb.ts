import { tmpdir } from 'node:os';
import type { Columnar } from '../../ports/columnar.ts';
import { inspectFiles } from './inspect.ts';
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
  const open = new Set<() => Promise<void>>();
  return {
    merge: (request) => mergeParts(request, memoryLimitBytes),
    // Footers never spill.
    inspect: (paths) => inspectFiles(paths, { memoryLimitBytes, scratch: tmpdir() }),
    async query(request) {
      const result = await runQuery(request, memoryLimitBytes);
      open.add(result.close);
      return result;
    },
    async close() {
      for (const end of open) await end();
      open.clear();
    },
  };
}
