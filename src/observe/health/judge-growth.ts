/** Which file systems are going to be full before long; pure. */
import type { HealthFinding } from '../../domain/health.ts';
import { formatBytes, formatDuration } from '../../domain/units.ts';
import type { SpacePoint } from '../../ports/space-memory.ts';
import { trendOf, type Left } from './space-trend.ts';

const DAY_MS = 24 * 3_600_000;
const WARN_MS = 7 * DAY_MS;
const FAIL_MS = DAY_MS;

/** A file system as it was seen: the last point is of this moment. */
export interface SpaceSeen {
  readonly path: string;
  readonly points: readonly SpacePoint[];
}

export const judgeGrowth = (seen: readonly SpaceSeen[]): HealthFinding[] =>
  seen.flatMap(({ path, points }) => {
    const bytes = filling(
      points.map(({ atMs, freeBytes }) => ({ atMs, left: freeBytes })),
      formatBytes,
    );
    const counted = points.flatMap(({ atMs, freeInodes }) => (freeInodes === null ? [] : [{ atMs, left: freeInodes }]));
    const inodes = filling(counted, (left) => `${left} inodes`);
    const [first] = [bytes, inodes].flatMap((one) => one ?? []).toSorted((a, b) => a.fullInMs - b.fullInMs);
    if (first === undefined) return [];
    return [
      {
        check: 'filling' as const,
        verdict: first.fullInMs < FAIL_MS ? ('fail' as const) : ('warn' as const),
        jobId: null,
        found: `the file system of ${path} fills up: ${first.words}`,
        remedy: 'slurmctl gc --dry-run',
      },
    ];
  });

function filling(
  points: readonly Left[],
  tell: (left: number) => string,
): { readonly fullInMs: number; readonly words: string } | null {
  const trend = trendOf(points);
  if (trend === null || trend.fullInMs >= WARN_MS) return null;
  const { fullInMs, overMs } = trend;
  const left = tell(points.at(-1)?.left ?? 0);
  return {
    fullInMs,
    words: `${left} left, and none in about ${formatDuration(fullInMs)} at the pace of the last ${formatDuration(overMs)}`,
  };
}
