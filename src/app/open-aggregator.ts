import type { AggregatorDeps } from '../aggregator/deps.ts';
import type { Drivers } from './job-backends.ts';
import { createQuietLog } from './quiet-log.ts';

export interface OpenAggregator {
  readonly deps: AggregatorDeps;
  /** Closes the database engine. */
  readonly close: () => Promise<void>;
}

/** The aggregator's parts, which read from `store`. The database engine is loaded here and nowhere else in the app. */
export async function openAggregator(drivers: Drivers, store = drivers.store): Promise<OpenAggregator> {
  const { createColumnar } = await import('../backends/columnar/duckdb.ts');
  const { createLeafParts } = await import('../backends/leaf-part/index.ts');
  const columnar = createColumnar(memoryLimit(drivers.env));
  return {
    deps: {
      store,
      state: drivers.state,
      columnar,
      leafParts: createLeafParts(),
      scratch: await drivers.scratch(),
      resultFiles: async () => (await import('../backends/result-file/index.ts')).createSqliteResultFiles(),
      log: createQuietLog(),
    },
    close: () => columnar.close(),
  };
}

const MIB = 1024 ** 2;

/** Inside a Slurm job at most half of its memory is the database's; more than the default is never needed. */
export function memoryLimit(env: NodeJS.ProcessEnv): { readonly memoryLimitBytes?: number } {
  const jobMib = Number(env['SLURM_MEM_PER_NODE'] ?? 0);
  return jobMib > 0 ? { memoryLimitBytes: Math.min(1_024, Math.max(128, Math.floor(jobMib / 2))) * MIB } : {};
}
