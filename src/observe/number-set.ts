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
    let page = pages.get(at);
    if (page === undefined) pages.set(at, (page = new Uint32Array(PAGE / BITS)));
    const word = Math.floor((number % PAGE) / BITS);
    const before = page[word] as number;
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
        for (const [word, bits] of page.entries())
          for (let left = bits; left !== 0; left &= left - 1)
            yield at * PAGE + word * BITS + (BITS - 1 - Math.clz32(left & -left));
    },
  };
}
