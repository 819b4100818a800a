/** What is wrong beside the jobs: in the queue, in the home directory, on the disks; pure. */
import type { HealthFinding } from '../../domain/health.ts';
import { isJobId } from '../../domain/ids.ts';
import { formatBytes } from '../../domain/units.ts';
import type { QueuedSubmission } from '../../ports/batch-system.ts';

/** `<job>.<submission>`, as the outbox names what it sends. */
const OURS = /^(.+)\.([0-9a-hjkmnp-tv-z]{26})$/;

export interface QueueLook {
  readonly queued: readonly QueuedSubmission[];
  /** Names that each known job recorded; null: they could not be read. */
  readonly recorded: ReadonlyMap<string, ReadonlySet<string> | null>;
}

/**
 * Submissions under a name of a known job that it did not record: nobody takes what they do into account. Those of jobs that are not known may
 * belong to another home directory; they are counted and not judged.
 */
export function judgeQueue({ queued, recorded }: QueueLook): {
  readonly findings: readonly HealthFinding[];
  readonly foreign: number;
} {
  const findings: HealthFinding[] = [];
  let foreign = 0;
  for (const { handle, name, waiting, running } of queued) {
    const job = OURS.exec(name)?.[1] ?? '';
    if (!isJobId(job)) continue;
    const names = recorded.get(job);
    if (names === undefined) foreign += 1;
    if (names === undefined || names === null || names.has(name)) continue;
    findings.push({
      check: 'orphan',
      verdict: 'fail',
      jobId: job,
      found: `${handle.id} (${name}) is in the queue, ${waiting} waiting and ${running} running, and the job did not record it`,
      // The local scheduler names its host.
      remedy: handle.cluster === undefined ? `scancel ${handle.id}` : `slurmctl advance ${job}`,
    });
  }
  return { findings, foreign };
}

/** A job with finished results beside the store; `isOver` null: the job is not known. */
export interface KeptOfJob {
  readonly job: string;
  readonly isOver: boolean | null;
}

export const judgeKept = (kept: { readonly results: number; readonly jobs: readonly KeptOfJob[] }): HealthFinding[] =>
  kept.jobs.map(({ job, isOver }) => ({
    check: 'kept-results',
    verdict: 'warn',
    jobId: job,
    found: `finished results of it wait in the home directory (${kept.results} in all there)`,
    remedy:
      isOver === true
        ? `slurmctl aggregate ${job}`
        : isOver === false
          ? `slurmctl advance ${job}`
          : 'slurmctl gc --dry-run',
  }));

/** Space that this user may still use. */
export interface FreeSpace {
  readonly path: string;
  readonly freeBytes: number;
  /** Null: the file system does not count them. */
  readonly freeInodes: number | null;
}

const GIB = 1024 ** 3;
/** A share would say nothing: a hundredth of a large file system is more than any job needs. */
const SPACE = { warn: { bytes: 10 * GIB, inodes: 100_000 }, fail: { bytes: GIB, inodes: 1_000 } } as const;

export function judgeSpace(places: readonly FreeSpace[]): HealthFinding[] {
  return places.flatMap(({ path, freeBytes, freeInodes }) => {
    const below = (bound: { readonly bytes: number; readonly inodes: number }): boolean =>
      freeBytes < bound.bytes || (freeInodes !== null && freeInodes < bound.inodes);
    if (!below(SPACE.warn)) return [];
    const inodes = freeInodes === null ? '' : ` and ${freeInodes} inodes`;
    return [
      {
        check: 'space' as const,
        verdict: below(SPACE.fail) ? ('fail' as const) : ('warn' as const),
        jobId: null,
        found: `${formatBytes(freeBytes)}${inodes} left for ${path}`,
        remedy: 'slurmctl gc --dry-run',
      },
    ];
  });
}
