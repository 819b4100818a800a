import type { ObjectStore } from './object-store.ts';

/**
 * A place that finished work is kept in while the store or the state table cannot be reached. It is an object store of its own, on a disk:
 * keys are those of `domain/spill.ts`, a file is there whole or not at all, and what is there survives the process and the job.
 */
export interface SpillPlace {
  readonly store: ObjectStore;
  /** Its directory, for people. */
  readonly path: string;
  /** Whether this user has ever kept something here; asks one directory. */
  isThere(): boolean;
  /** Makes it ready to keep something. @throws SCRATCH_UNFIT when it would not last or could not be trusted, SCRATCH_FULL */
  prepare(): void;
}

/** Where a worker may keep what it has finished, the better place first. */
export interface SpillPlaces {
  /** In the job's home directory: every host sees it. */
  readonly shared: SpillPlace;
  /** On a disk of this node: only workers on the same node find it again. */
  readonly local: SpillPlace;
}
