import type { Columnar } from '../ports/columnar.ts';
import type { LeafParts } from '../ports/leaf-part.ts';
import type { Log } from '../ports/log.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ResultFiles } from '../ports/result-file.ts';
import type { Scratch } from '../ports/scratch.ts';
import type { StateTable } from '../ports/state-table.ts';

export interface AggregatorDeps {
  readonly store: ObjectStore;
  readonly state: StateTable;
  readonly columnar: Columnar;
  readonly leafParts: LeafParts;
  readonly scratch: Scratch;
  /** Opened only where the per-item files of attempts are read, which a merge does not do. */
  readonly resultFiles: () => Promise<ResultFiles>;
  readonly log: Log;
  /** Called often; `total` is the number of tasks. */
  readonly onProgress?: (progress: AggregateProgress) => void;
  /** Parts merged by one call; more tasks than this are merged in levels. */
  readonly partsPerMerge?: number;
}

export interface AggregateProgress {
  readonly phase: 'verify' | 'publish';
  readonly done: number;
  readonly total: number;
}
