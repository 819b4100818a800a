/** One row of the error catalogue; `docs/errors.md` is generated from these. */
export interface CatalogueEntry {
  /** Exit code of the command that ends with this error. */
  readonly exitCode: 1 | 2 | 3 | 4 | 5 | 6 | 130;
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** One sentence for the docs: when this happens. */
  readonly summary: string;
  /** Default remedy, shown when the thrower has no better one. */
  readonly hint: string;
}

/** Keeps the literal key names of one area while checking its rows. */
export const defineErrors = <K extends string>(rows: Record<K, CatalogueEntry>): Record<K, CatalogueEntry> => rows;
