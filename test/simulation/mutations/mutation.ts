import type { AggregatorDeps } from '../../../src/aggregator/deps.ts';
import type { CoordinatorDeps } from '../../../src/coordinator/needs.ts';
import type { WorkerDeps } from '../../../src/worker/needs.ts';
import type { WriteRewrite } from '../ports/state-table.ts';

/** A guard taken away, at a seam between rooms and ports: production code stays as it is. */
export interface Mutation {
  readonly name: string;
  /** Rewrites conditions of state writes. */
  readonly rewrite?: WriteRewrite;
  /** `createMany` replaces what is there. */
  readonly createsReplace?: boolean;
  /** The batch system finds no submission by its name. */
  readonly isBlind?: boolean;
  readonly alterWorker?: (deps: WorkerDeps) => WorkerDeps;
  readonly alterCoordinator?: (deps: CoordinatorDeps) => CoordinatorDeps;
  readonly alterAggregator?: (deps: AggregatorDeps) => AggregatorDeps;
}
