/**
 * Sets of item (or task) numbers as short text: `3,7-9,12` — ascending, no overlaps, ends included. Pure; what state items and `--task` hold.
 */
export interface ItemRange {
  readonly from: number;
  /** Included. */
  readonly to: number;
}

const RANGE = /^(\d{1,9})(?:-(\d{1,9}))?$/;

/** Null when the text is not a list of ranges with ascending ends. Blanks around commas are fine; order and overlaps do not matter. */
export function parseRanges(text: string): readonly ItemRange[] | null {
  const ranges: ItemRange[] = [];
  for (const part of text.split(',')) {
    const match = RANGE.exec(part.trim());
    if (match === null) return null;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (to < from) return null;
    ranges.push({ from, to });
  }
  return normalise(ranges);
}

export const formatRanges = (ranges: readonly ItemRange[]): string =>
  ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',');

/** The ranges of a set of numbers, in any order. */
export const rangesOf = (numbers: Iterable<number>): readonly ItemRange[] =>
  normalise([...numbers].map((number) => ({ from: number, to: number })));

/** Every number, ascending. */
export function* numbersIn(ranges: readonly ItemRange[]): Generator<number> {
  for (const { from, to } of ranges) for (let number = from; number <= to; number += 1) yield number;
}

export const countIn = (ranges: readonly ItemRange[]): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);

export const includes = (ranges: readonly ItemRange[], number: number): boolean =>
  ranges.some(({ from, to }) => from <= number && number <= to);

/**
 * The ranges as text of at most `chars` characters: where it would be longer, the smallest gaps are closed, so that the result still covers every
 * number and perhaps some more.
 */
export function coverRanges(ranges: readonly ItemRange[], chars: number): string {
  const kept = [...ranges];
  let text = formatRanges(kept);
  while (text.length > chars && kept.length > 1) {
    let at = 1;
    for (let next = 2; next < kept.length; next += 1) if (gapBefore(kept, next) < gapBefore(kept, at)) at = next;
    kept.splice(at - 1, 2, { from: (kept[at - 1] as ItemRange).from, to: (kept[at] as ItemRange).to });
    text = formatRanges(kept);
  }
  return text;
}

const gapBefore = (ranges: readonly ItemRange[], at: number): number =>
  (ranges[at] as ItemRange).from - (ranges[at - 1] as ItemRange).to;

function normalise(ranges: readonly ItemRange[]): readonly ItemRange[] {
  const merged: ItemRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && range.from <= last.to + 1)
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
    else merged.push(range);
  }
  return merged;
}
