/** The queues of the batch systems that jobs run on, each asked once, and what jobs recorded of what they sent there. */
import { readSubmissions } from '../coordinator/submissions.ts';
import type { HealthFinding } from '../domain/health.ts';
import { isAppError } from '../errors/app-error.ts';
import type { QueuedSubmission } from '../ports/batch-system.ts';
import type { StateTable } from '../ports/state-table.ts';
import type { KnownJob } from './find-job.ts';
import type { LookedAt } from './health-facts.ts';

/** By id. */
export type Queue = ReadonlyMap<string, QueuedSubmission>;

/** A user has one queue in Slurm, and one local scheduler in each home directory. */
export const queueNameOf = ({ meta, own }: LookedAt): string =>
  meta.scheduler === 'slurm' ? 'slurm' : `local ${own.urls.home}`;

/** Where no job runs nothing is asked. A queue that does not answer is a problem, and missing. */
export async function askQueues(looked: readonly LookedAt[]): Promise<{
  readonly queues: ReadonlyMap<string, Queue>;
  readonly problems: readonly HealthFinding[];
}> {
  const queues = new Map<string, Queue>();
  const problems: HealthFinding[] = [];
  for (const [name, { own, meta }] of new Map(looked.map((one) => [queueNameOf(one), one])))
    try {
      const queued = await (await own.batch(meta.scheduler)).queued();
      queues.set(name, new Map(queued.map((one) => [one.handle.id, one])));
    } catch (error) {
      if (!isAppError(error)) throw error;
      const found = `${error.message} [${error.code}]`;
      problems.push({ check: 'batch-system', verdict: 'fail', jobId: null, found, remedy: 'slurmctl doctor' });
    }
  return { queues, problems };
}

/**
 * The names that known jobs with something in the queue recorded; null: they cannot be read from here. Read after the queue was asked: a name is
 * recorded before anything is sent under it.
 */
export async function recordedNames(
  state: StateTable,
  known: readonly KnownJob[],
  queued: readonly QueuedSubmission[],
): Promise<ReadonlyMap<string, ReadonlySet<string> | null>> {
  const there = new Set(queued.map(({ name }) => name.slice(0, Math.max(0, name.lastIndexOf('.')))));
  const recorded = new Map<string, ReadonlySet<string> | null>();
  for (const { id, spool } of known)
    if (there.has(id)) recorded.set(id, spool === undefined ? await namesOf(state, id) : null);
  return recorded;
}

async function namesOf(state: StateTable, job: KnownJob['id']): Promise<ReadonlySet<string> | null> {
  try {
    return new Set((await readSubmissions(state, job)).map(({ jobName }) => jobName));
  } catch (error) {
    if (!isAppError(error)) throw error;
    return null;
  }
}
