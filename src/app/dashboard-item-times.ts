import type { JobId } from '../domain/ids.ts';
import type { JobMeta } from '../domain/job-item.ts';
import { outputResultsKey } from '../domain/keys.ts';
import { formatBytes } from '../domain/units.ts';
import { isAppError } from '../errors/app-error.ts';
import type { Distribution, Panel } from '../observe/dashboard/document.ts';
import { distributionOfCounts, FINE_PER_DECADE, LEAST_MS } from '../observe/dashboard/distribution.ts';
import type { Drivers } from './job-backends.ts';

/** Fetching more than this for one picture is not what anybody asked for. */
const MOST_REMOTE_BYTES = 64 * 1024 ** 2;

const SQL = `SELECT floor(log10(greatest(duration_ms, ${LEAST_MS})) * ${FINE_PER_DECADE})::INTEGER AS fine, count(*) AS items, max(duration_ms) AS most
 FROM results WHERE duration_ms > 0 GROUP BY fine`;

/** How long items took, from the published output; items that were never run have no duration. */
export async function itemTimes(
  drivers: Drivers,
  job: JobId,
  { publication }: Pick<JobMeta, 'publication'>,
): Promise<Panel<Distribution>> {
  if (publication === undefined)
    return { missing: 'How long each item took is known once the output of the job is published.' };
  const key = outputResultsKey(job, publication);
  const info = drivers.store.localPath(key) === null ? await drivers.store.head(key) : null;
  if (info !== null && info.bytes > MOST_REMOTE_BYTES)
    return {
      missing: `The output is ${formatBytes(info.bytes)} in a store that is far away, and was not fetched for this picture.`,
    };
  try {
    return await readTimes(drivers, job);
  } catch (error) {
    // What is wrong with an output is said by `results`; the rest of the picture stands without it.
    if (!isAppError(error)) throw error;
    return { missing: `The output could not be read: ${error.message}` };
  }
}

async function readTimes(drivers: Drivers, job: JobId): Promise<Panel<Distribution>> {
  const { queryResults } = await import('./read-results.ts');
  const answer = await queryResults(drivers, job, SQL);
  const counts = new Map<number, number>();
  let longest = 0;
  try {
    for await (const chunk of answer.rows)
      for (const [fine, items, most] of chunk) {
        counts.set(Number(fine), Number(items));
        longest = Math.max(longest, Number(most));
      }
  } finally {
    await answer.close();
  }
  return distributionOfCounts(counts, longest, 'No item was run.');
}
