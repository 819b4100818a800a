import type { AwsContext } from '../shared/aws/client-config.ts';
import { provisionBucket } from './bucket.ts';
import type { AwsPlaces } from './places.ts';
import { provisionQueues } from './queues.ts';
import type { ResourceReport } from './report.ts';
import { provisionTable } from './table.ts';

/**
 * Looks at everything that is named, and creates what is missing unless it is a dry run. What exists is never changed. Trouble with one thing
 * is in its report and does not keep the others from being looked at.
 */
export async function provision(
  places: AwsPlaces,
  options: { readonly context: AwsContext; readonly dryRun: boolean },
): Promise<readonly ResourceReport[]> {
  const { store, state, queue } = places;
  const reports = await Promise.all([
    store === undefined ? [] : provisionBucket(store, options).then((report) => [report]),
    state === undefined ? [] : provisionTable(state, options).then((report) => [report]),
    queue === undefined ? [] : provisionQueues(queue, options),
  ]);
  return reports.flat();
}
