import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { outputResultsKey } from '../domain/keys.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Path or URL of the Parquet file that a job has published; null before. */
export function publishedPath(
  store: ObjectStore,
  job: JobId,
  { publication }: Pick<JobMeta, 'publication'>,
): string | null {
  if (publication === undefined) return null;
  const key = outputResultsKey(job, publication);
  return store.localPath(key) ?? store.url(key);
}

/** Generation of the job that published it: its name begins with it. Null without a publication. */
export function publishedGeneration({ publication }: Pick<JobMeta, 'publication'>): number | null {
  const digits = /^g(\d{1,9})-/.exec(publication ?? '')?.[1];
  return digits === undefined ? null : Number(digits);
}
