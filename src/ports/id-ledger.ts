/** Finds equal ids among any number of them in constant memory; what does not fit goes to local scratch. */
export interface IdLedgers {
  open(): IdLedger;
}

export interface IdLedger {
  /**
   * Notes the ids of consecutive records; '' is skipped. `lines`, when given, runs parallel to `ids`.
   * @throws SCRATCH_UNFIT, SCRATCH_FULL when the ids do not fit in memory and cannot be put aside
   */
  add(ids: readonly string[], firstItem: number, lines?: readonly number[]): Promise<void>;
  /** Up to `limit` ids seen before, ordered by their second place. Call once, after the last `add`. */
  duplicates(limit: number): Promise<DuplicateId[]>;
  /** Removes what was put aside; safe to call twice. */
  dispose(): Promise<void>;
}

export interface DuplicateId {
  readonly id: string;
  readonly first: IdPlace;
  readonly second: IdPlace;
}

export interface IdPlace {
  /** 0-based ordinal of the item. */
  readonly item: number;
  /** 1-based line, when the input has lines. */
  readonly line?: number;
}
