/** A set of whole numbers from 0 as bits, in pages that are made when they are needed; pure. */
export interface NumberSet {
  add(number: number): void;
  addAll(other: NumberSet): void;
  readonly size: number;
  /** In the order of their pages. */
  values(): Iterable<number>;
}

/** Numbers in a page. */
const PAGE = 1_024;
const BITS = 32;

export function createNumberSet(): NumberSet {
  const pages = new Map<number, Uint32Array>();
  let size = 0;
  const add = (number: number): void => {
    const at = Math.floor(number / PAGE);
    const page = pages.get(at) ?? new Uint32Array(PAGE / BITS);
    pages.set(at, page);
    const word = Math.floor((number % PAGE) / BITS);
    const before = page[word] ?? 0;
    const after = (before | (1 << (number % BITS))) >>> 0;
    if (after !== before) size += 1;
    page[word] = after;
  };
  return {
    add,
    addAll(other) {
      for (const number of other.values()) add(number);
    },
    get size() {
      return size;
    },
    *values() {
      for (const [at, page] of pages)
        for (let number = 0; number < PAGE; number += 1)
          if ((((page[Math.floor(number / BITS)] ?? 0) >>> (number % BITS)) & 1) === 1) yield at * PAGE + number;
    },
  };
}
