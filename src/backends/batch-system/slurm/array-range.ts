/** Array indices as Slurm writes them: `3`, `0-7`, `[1-3,9%2]`, `1-28:3`. */

/** No Slurm can be configured for more: its hard limit on MaxArraySize. */
const MOST_INDICES = 4_000_001;

/** The indices of an expression, ascending and once each; null when it is not one, or is cut off (`0-3,...`). */
export function expandIndices(text: string): number[] | null {
  const inner = /^\[?([0-9,:-]+)(?:%\d+)?\]?$/.exec(text.trim())?.[1];
  if (inner === undefined) return null;
  const indices = new Set<number>();
  for (const part of inner.split(',')) {
    const match = /^(\d{1,7})(?:-(\d{1,7})(?::(\d{1,7}))?)?$/.exec(part);
    if (match === null) return null;
    const from = Number(match[1]);
    const to = match[2] === undefined ? from : Number(match[2]);
    const step = match[3] === undefined ? 1 : Number(match[3]);
    if (to < from || step < 1 || to >= MOST_INDICES) return null;
    for (let index = from; index <= to; index += step) indices.add(index);
  }
  return [...indices].toSorted((a, b) => a - b);
}

/** Comma-separated ranges of the indices, in texts of at most `maxLength` characters each. */
export function compressIndices(indices: readonly number[], maxLength: number): string[] {
  const sorted = [...new Set(indices)].toSorted((a, b) => a - b);
  const ranges: string[] = [];
  for (let at = 0; at < sorted.length;) {
    const from = sorted[at] as number;
    let end = at;
    while (sorted[end + 1] === from + (end + 1 - at)) end += 1;
    ranges.push(end === at ? String(from) : `${from}-${sorted[end]}`);
    at = end + 1;
  }
  const texts: string[] = [];
  for (const range of ranges) {
    const last = texts.at(-1);
    if (last === undefined || last.length + 1 + range.length > maxLength) texts.push(range);
    else texts[texts.length - 1] = `${last},${range}`;
  }
  return texts;
}
