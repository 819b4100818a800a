/** Plugs the rooms together: what the coordinator needs of the others, made of real parts. */
import { aggregate } from '../aggregator/aggregate.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobId } from '../domain/ids.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import { retryPlanner } from '../retry/planner.ts';
import { advanceCommand, workerCommand } from './batch-commands.ts';
import { createQuietLog } from './quiet-log.ts';
import { createMergeView } from './merge-view.ts';
import { makeElementLogDir, type Drivers } from './job-backends.ts';
import { adoptKept } from './kept-results.ts';
import { openAggregator } from './open-aggregator.ts';
import { packageVersion } from './package-files.ts';
import type { OnProgress } from './api.ts';

/**
 * Everything the coordinator works with, for jobs of this scheduler. A `submit` reads nothing of what workers store, so its requests wait for no turn of the
 * store's limit; all other passes `collect`.
 */
export async function createCoordinatorDeps(
  drivers: Drivers,
  scheduler: BackendUrls['scheduler'],
  { pass, onProgress }: { readonly pass: 'submit' | 'collect'; readonly onProgress?: OnProgress | undefined },
): Promise<CoordinatorDeps> {
  const { createInputSources, createIdLedgers } = await import('../backends/input/index.ts');
  const scratch = await drivers.scratch();
  const { state, queue, clock, random, ids, host, env } = drivers;
  const reads = await drivers.limitedReads();
  return {
    store: pass === 'submit' ? drivers.store : reads.store,
    state,
    queue,
    clock,
    random,
    ids,
    host,
    batch: await drivers.batch(scheduler),
    inputs: createInputSources(),
    ledgers: createIdLedgers({ scratch }),
    log: createQuietLog(),
    version: packageVersion(),
    ownBatchJobId: env['SLURM_JOB_ID'] ?? null,
    planner: retryPlanner,
    async aggregate({ job, fenced, onWait }) {
      const aggregator = await openAggregator(drivers, reads.store);
      const view = createMergeView({ clock, waiting: reads.waiting }, { onProgress, onWait });
      try {
        const { publication, manifest } = await aggregate(
          { ...aggregator.deps, onProgress: view.progress },
          { job, fenced },
        );
        return { publication, succeeded: manifest.succeeded, failed: manifest.failed };
      } finally {
        view.close();
        await aggregator.close();
      }
    },
    adoptSpilled: async (request) => (await adoptKept(drivers, request)).steps,
    workerCommand,
    advanceCommand,
    elementLogDir: (job: JobId, backends, kind) => makeElementLogDir(backends.home, job, kind),
  };
}
