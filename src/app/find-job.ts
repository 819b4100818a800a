import { distance } from 'fastest-levenshtein';
import { AppError } from '../errors/app-error.ts';
import { isJobId, type JobId } from '../domain/ids.ts';
import type { JobIndexItem } from '../domain/job-item.ts';
import { jobIndexKey, JOBS_PARTITION } from '../domain/state-keys.ts';
import type { StateItem, StateTable } from '../ports/state-table.ts';

export interface KnownJob extends JobIndexItem {
  readonly id: JobId;
}

/** Every job of this state table, newest first. */
export async function knownJobs(state: StateTable): Promise<KnownJob[]> {
  const jobs: KnownJob[] = [];
  for await (const { sort, item } of state.query(JOBS_PARTITION)) jobs.push(asKnown(sort as JobId, item));
  return jobs.toSorted((a, b) => b.createdMs - a.createdMs);
}

const asKnown = (id: JobId, item: StateItem): KnownJob => ({ ...(item as unknown as JobIndexItem), id });

/**
 * Finds a job by id, `@last`, exact name (the newest of that name) or unique prefix of an id, in this order.
 * @throws JOB_NOT_FOUND with near misses, JOB_AMBIGUOUS
 */
export async function findJob(state: StateTable, reference: string): Promise<KnownJob> {
  // The id in full is what scripts and finalisers give: no need to read the whole index.
  const item = isJobId(reference) ? await state.get(jobIndexKey(reference)) : null;
  if (item !== null) return asKnown(reference as JobId, item);
  const jobs = await knownJobs(state);
  const found = reference === '@last' ? jobs[0] : jobs.find((job) => job.name === reference);
  if (found !== undefined) return found;
  const matches = reference === '' ? [] : jobs.filter((job) => job.id.startsWith(reference));
  if (matches.length === 1 && matches[0] !== undefined) return matches[0];
  if (matches.length > 1)
    throw new AppError('JOB_AMBIGUOUS', {
      message: `${matches.length} jobs start with ${JSON.stringify(reference)}: ${matches
        .slice(0, 5)
        .map((job) => job.id)
        .join(', ')}`,
    });
  throw notFound(reference, jobs, state.rootUrl);
}

function notFound(reference: string, jobs: readonly KnownJob[], where: string): AppError {
  if (jobs.length === 0)
    return new AppError('JOB_NOT_FOUND', {
      message: `no job ${JSON.stringify(reference)}: there are no jobs in ${where}`,
      hint: 'Submit one with: slurmctl submit job.yaml; or say where its state lives with --home or --state',
    });
  const names = jobs.flatMap((job) => [job.id as string, job.name]);
  const near =
    names.find((name) => distance(name, reference) <= 3) ?? (distance('@last', reference) <= 2 ? '@last' : undefined);
  return new AppError('JOB_NOT_FOUND', {
    message: `no job ${JSON.stringify(reference)} in ${where}`,
    ...(near === undefined ? {} : { hint: `Did you mean ${near}? List all with: slurmctl list --all` }),
  });
}
