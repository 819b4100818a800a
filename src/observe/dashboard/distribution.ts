import type { Distribution, Panel, Shares } from './document.ts';

/** Buckets in each power of ten. */
export const BUCKETS_PER_DECADE = 8;
/** Shorter times share the first bucket. */
export const LEAST_MS = 0.1;

/** The number of the bucket that a time falls into. */
export const bucketOf = (ms: number): number => Math.floor(Math.log10(Math.max(ms, LEAST_MS)) * BUCKETS_PER_DECADE);

/** How times are spread, without gaps between the shortest and the longest; pure. `counts`: how many, by bucket. */
export function distributionOf(
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
