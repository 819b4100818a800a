import { aggregate } from '../aggregator/aggregate.ts';
import type { JobId } from '../domain/ids.ts';
import type { OnProgress } from './api.ts';
import type { AggregateDocument } from './documents.ts';
import type { Drivers } from './job-backends.ts';
import { openAggregator } from './open-aggregator.ts';

/** Merges and publishes by hand; for a cancelled job, or an output that was damaged. It changes no state. */
export async function aggregateDocument(
  drivers: Drivers,
  job: JobId,
  onProgress?: OnProgress,
): Promise<AggregateDocument> {
  const { deps, close } = await openAggregator(drivers);
  try {
    const { publication, manifest, published } = await aggregate(
      { ...deps, onProgress: ({ done, total }) => onProgress?.({ phase: 'merging', done, total, unit: 'parts' }) },
      { job },
    );
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
    await close();
  }
}
