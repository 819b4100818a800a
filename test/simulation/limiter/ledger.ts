/** What a provider saw, and what its sliding windows held at most. */

export interface Ledger {
  note(atMs: number, units: number): void;
  /** The fullest window (beginning, end] of this length, and when it ended. */
  fullest(windowMs: number): { readonly units: number; readonly endMs: number };
  /** Every window that ends with a call, for those who check each. */
  windows(windowMs: number): Iterable<{ readonly units: number; readonly endMs: number }>;
  /** Units within [fromMs, toMs). */
  between(fromMs: number, toMs: number): number;
}

export function createLedger(): Ledger {
  const calls: { readonly atMs: number; readonly units: number }[] = [];
  let isSorted = true;
  const sorted = (): typeof calls => {
    if (!isSorted) calls.sort((a, b) => a.atMs - b.atMs);
    isSorted = true;
    return calls;
  };
  function* windows(windowMs: number): Iterable<{ units: number; endMs: number }> {
    let units = 0;
    let first = 0;
    for (const call of sorted()) {
      units += call.units;
      for (let old = calls[first]; old !== undefined && old.atMs <= call.atMs - windowMs; old = calls[first]) {
        units -= old.units;
        first += 1;
      }
      yield { units, endMs: call.atMs };
    }
  }
  return {
    note(atMs, units) {
      calls.push({ atMs, units });
      isSorted = false;
    },
    windows,
    fullest(windowMs) {
      let fullest = { units: 0, endMs: 0 };
      for (const window of windows(windowMs)) if (window.units > fullest.units) fullest = window;
      return fullest;
    },
    between: (fromMs, toMs) =>
      calls.filter(({ atMs }) => atMs >= fromMs && atMs < toMs).reduce((sum, { units }) => sum + units, 0),
  };
}
