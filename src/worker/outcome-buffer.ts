import type { ItemOutcome } from '../domain/outcome.ts';
import type { ResultFile } from '../ports/result-file.ts';

/** Collects outcomes so that one transaction holds many of them. What a crash loses here, it loses in the node-local file as well. */
export interface OutcomeBuffer {
  /** @throws SCRATCH_FULL */
  add(outcome: ItemOutcome): void;
  /** @throws SCRATCH_FULL */
  flush(): void;
  /** Outcomes added, buffered ones included. */
  counts(): { readonly rows: number; readonly failed: number };
}

const MOST_OUTCOMES = 256;
/** Large outputs must not pile up in memory. */
const MOST_CHARS = 1024 ** 2;

export function createOutcomeBuffer(results: ResultFile): OutcomeBuffer {
  let pending: ItemOutcome[] = [];
  let chars = 0;
  let rows = 0;
  let failed = 0;
  const flush = (): void => {
    if (pending.length === 0) return;
    const outcomes = pending;
    pending = [];
    chars = 0;
    results.append(outcomes);
  };
  return {
    add(outcome) {
      pending.push(outcome);
      rows += 1;
      if (outcome.status === 'failed') failed += 1;
      chars += outcome.output?.length ?? 0;
      if (pending.length >= MOST_OUTCOMES || chars >= MOST_CHARS) flush();
    },
    flush,
    counts: () => ({ rows, failed }),
  };
}
