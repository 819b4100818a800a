import { aggregate } from '../aggregator/aggregate.ts';
import { requireMeta } from '../coordinator/job-meta.ts';
import type { JobId } from '../domain/ids.ts';
import type { OnProgress } from './api.ts';
import type { AggregateDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { adoptKept } from './kept-results.ts';
import { createMergeView } from './merge-view.ts';
import { openAggregator } from './open-aggregator.ts';

/**
 * Merges and publishes by hand; for a cancelled job, an output that was damaged, or results that came after it was published. Of state it changes
 * nothing but tasks whose kept results it adopts.
 */
export async function aggregateDocument(
  drivers: Drivers,
  job: JobId,
  onProgress?: OnProgress,
): Promise<AggregateDocument> {
  const reads = await drivers.limitedReads();
  const { deps, close } = await openAggregator(drivers, reads.store);
  const view = createMergeView({ clock: drivers.clock, waiting: reads.waiting }, { onProgress });
  try {
    await adoptKept(drivers, { job, shards: (await requireMeta(drivers.state, job)).shards });
    const { publication, manifest, published } = await aggregate({ ...deps, onProgress: view.progress }, { job });
    const { key } = manifest.files.results;
    return {
      schema: 'slurmctl.aggregate/1',
      jobId: job,
      publication,
      published,
      path: drivers.store.localPath(key) ?? drivers.store.url(key),
      rows: manifest.rows,
      failed: manifest.failed,
    };
  } finally {
    view.close();
    await close();
  }
}
