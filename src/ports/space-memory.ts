/** What was free on a file system at a moment. */
export interface SpacePoint {
  /** Epoch ms. */
  readonly atMs: number;
  readonly freeBytes: number;
  /** Null: the file system does not count them. */
  readonly freeInodes: number | null;
}

/** Oldest first, by the name of a file system. */
export type SpaceHistory = ReadonlyMap<string, readonly SpacePoint[]>;

/** What earlier looks at the file systems of this host saw. Nothing depends on it: what cannot be kept is not kept, and never an error. */
export interface SpaceMemory {
  recall(): Promise<SpaceHistory>;
  remember(history: SpaceHistory): Promise<void>;
}
