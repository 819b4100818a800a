import { createRequire } from 'node:module';
import type * as DuckDB from '@duckdb/node-api';

const require = createRequire(import.meta.url);

/**
 * DuckDB's binding, loaded by the first call. By `require` and not by `import()`: the package is CommonJS in some hundred files, and to import it Node reads
 * through all of them for the names they export, which takes twice as long as the rest of loading it.
 */
export const loadDuckDB = (): typeof DuckDB => require('@duckdb/node-api') as typeof DuckDB;
