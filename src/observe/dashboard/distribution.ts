import type { Distribution, Panel, Shares } from './document.ts';

/** Buckets in each power of ten. */
const BUCKETS_PER_DECADE = 8;
/** Shorter times share the first bucket. */
export const LEAST_MS = 0.1;

/** The number of the bucket that a time falls into. */
const bucketOf = (ms: number): number => Math.floor(Math.log10(Math.max(ms, LEAST_MS)) * BUCKETS_PER_DECADE);

/** How times are spread, without gaps between the shortest and the longest; pure. `counts`: how many, by bucket. */
function distributionOf(
  counts: ReadonlyMap<number, number>,
  read: Pick<Distribution, 'p50' | 'p95' | 'p99' | 'most'>,
): Distribution {
  const numbers = [...counts.keys()];
  const [from, to] = [Math.min(...numbers), Math.max(...numbers)];
  const buckets = Array.from({ length: to - from + 1 }, (_, index) => ({
    fromMs: edgeOf(from + index),
    toMs: edgeOf(from + index + 1),
    count: counts.get(from + index) ?? 0,
  }));
  return { count: [...counts.values()].reduce((sum, count) => sum + count, 0), ...read, buckets };
}

const edgeOf = (bucket: number): number => 10 ** (bucket / BUCKETS_PER_DECADE);

/** The same of times that are all at hand. */
export function distributionOfTimes(times: readonly number[], missing: string): Panel<Distribution> {
  const sorted = times.toSorted((a, b) => a - b);
  if (sorted.length === 0) return { missing };
  const counts = new Map<number, number>();
  for (const ms of sorted) counts.set(bucketOf(ms), (counts.get(bucketOf(ms)) ?? 0) + 1);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return distributionOf(counts, { p50: at(0.5), p95: at(0.95), p99: at(0.99), most: sorted.at(-1) ?? 0 });
}

/** Fine buckets in each of the others: what is read off them is at most 2 % too long. */
const FINE = 16;
export const FINE_PER_DECADE = BUCKETS_PER_DECADE * FINE;

/** The same of times that were counted where they lie. `fine`: how many, by `floor(log10(ms) × FINE_PER_DECADE)`. */
export function distributionOfCounts(
  fine: ReadonlyMap<number, number>,
  most: number,
  missing: string,
): Panel<Distribution> {
  if (fine.size === 0) return { missing };
  const counts = new Map<number, number>();
  for (const [bucket, count] of fine) {
    const coarse = Math.floor(bucket / FINE);
    counts.set(coarse, (counts.get(coarse) ?? 0) + count);
  }
  const sorted = [...fine].toSorted(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  const at = (share: number): number => {
    let seen = 0;
    for (const [bucket, count] of sorted) {
      seen += count;
      if (seen >= share * total) return Math.min(most, edgeOf((bucket + 1) / FINE));
    }
    return most;
  };
  return distributionOf(counts, { p50: at(0.5), p95: at(0.95), p99: at(0.99), most });
}

/** Shares (1 is all of it) by tenths; null when there are none. */
export function sharesOf(values: readonly number[]): Shares | null {
  if (values.length === 0) return null;
  const tenths = Array.from<number>({ length: 11 }).fill(0);
  let [sum, most] = [0, 0];
  for (const value of values) {
    const tenth = Math.min(10, Math.max(0, Math.floor(value * 10)));
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    sum += value;
    most = Math.max(most, value);
  }
  return { tenths, mean: sum / values.length, most };
}
