/** When a file system is going to be full, from what was free at some moments; pure. */
import type { SpacePoint } from '../../ports/space-memory.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Older ones say nothing about the pace of today. */
const KEPT_MS = 3 * DAY_MS;
/** Looks that come closer than that say the same. */
const APART_MS = 10 * MINUTE_MS;
/** A pair of them makes a slope, so that twice as many are four times the work. */
const MOST_POINTS = 24;

/** Those that a look at this moment goes by. Points of a clock that was ahead are forgotten. */
export const recentOf = (points: readonly SpacePoint[], nowMs: number): readonly SpacePoint[] =>
  points.filter(({ atMs }) => atMs < nowMs && nowMs - atMs <= KEPT_MS);

/** What is to be kept of these and one more look. */
export function withPoint(points: readonly SpacePoint[], point: SpacePoint): readonly SpacePoint[] {
  const kept = recentOf(points, point.atMs);
  const last = kept.at(-1);
  return last !== undefined && point.atMs - last.atMs < APART_MS ? kept : thinned([...kept, point]);
}

/** Without the inner points that are closest to their neighbours. */
function thinned(points: readonly SpacePoint[]): readonly SpacePoint[] {
  if (points.length <= MOST_POINTS) return points;
  let closest = 1;
  for (let n = 2; n < points.length - 1; n += 1) if (gapAt(points, n) < gapAt(points, closest)) closest = n;
  return thinned(points.toSpliced(closest, 1));
}

const gapAt = (points: readonly SpacePoint[], n: number): number =>
  (points[n + 1]?.atMs ?? 0) - (points[n - 1]?.atMs ?? 0);

/** Of bytes, or of inodes. */
export interface Left {
  readonly atMs: number;
  readonly left: number;
}

export interface Trend {
  /** How long it was watched for that. */
  readonly overMs: number;
  /** From the last point on. */
  readonly fullInMs: number;
}

const LEAST_POINTS = 3;
const LEAST_MS = 60 * MINUTE_MS;
/** A pace is believed for so many times as long as it was seen. */
const BELIEVED = 24;

/**
 * The pace is the median of the slopes of all pairs of points (Theil and Sen), so that a large file that comes and goes does not make one. Null: too
 * little was seen, or it is not filling up.
 */
export function trendOf(points: readonly Left[]): Trend | null {
  const seen = sinceFreed(points);
  const [first] = seen;
  const last = seen.at(-1);
  if (first === undefined || last === undefined || seen.length < LEAST_POINTS) return null;
  const overMs = last.atMs - first.atMs;
  if (overMs < LEAST_MS || last.left >= first.left) return null;
  const pace = medianSlope(seen);
  if (pace >= 0) return null;
  const fullInMs = last.left / -pace;
  return fullInMs > BELIEVED * overMs ? null : { overMs, fullInMs };
}

/** Those from the last moment on that gave back half or more of what had gone until then. */
function sinceFreed(points: readonly Left[]): readonly Left[] {
  let begin = 0;
  let most = points[0]?.left ?? 0;
  for (let n = 1; n < points.length; n += 1) {
    const { left } = points[n] as Left;
    const before = points[n - 1]?.left ?? 0;
    if (left > before && left - before >= (most - before) / 2) {
      begin = n;
      most = left;
    }
    most = Math.max(most, left);
  }
  return points.slice(begin);
}

function medianSlope(points: readonly Left[]): number {
  const slopes = points
    .flatMap((a, n) => points.slice(n + 1).map((b) => (b.left - a.left) / (b.atMs - a.atMs)))
    .toSorted((a, b) => a - b);
  const middle = slopes.length / 2;
  return ((slopes[Math.ceil(middle) - 1] ?? 0) + (slopes[Math.floor(middle)] ?? 0)) / 2;
}
