import type { AggregatorDeps } from '../aggregator/deps.ts';
import type { Drivers } from './job-backends.ts';
import { createQuietLog } from './quiet-log.ts';

export interface OpenAggregator {
  readonly deps: AggregatorDeps;
  /** Closes the database engine. */
  readonly close: () => Promise<void>;
}

/** The aggregator's parts. The database engine is loaded here and nowhere else in the app. */
export async function openAggregator(drivers: Drivers): Promise<OpenAggregator> {
  const { createColumnar } = await import('../backends/columnar/duckdb.ts');
  const { createLeafParts } = await import('../backends/leaf-part/index.ts');
  const columnar = createColumnar();
  return {
    deps: {
      store: drivers.store,
      state: drivers.state,
      columnar,
      leafParts: createLeafParts(),
      scratch: await drivers.scratch(),
      log: createQuietLog(),
    },
    close: () => columnar.close(),
  };
}
