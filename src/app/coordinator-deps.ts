/** Plugs the rooms together: what the coordinator needs of the others, made of real parts. */
import { aggregate } from '../aggregator/aggregate.ts';
import type { CoordinatorDeps } from '../coordinator/needs.ts';
import type { JobId } from '../domain/ids.ts';
import type { BackendUrls } from '../domain/job-spec.ts';
import { decideRetry } from '../retry/decide-retry.ts';
import { createQuietLog } from './quiet-log.ts';
import { makeElementLogDir, type Drivers } from './job-backends.ts';
import { openAggregator } from './open-aggregator.ts';
import { packageFile, packageVersion } from './package-files.ts';
import type { OnProgress } from './api.ts';

/** argv parts that tell a process of a job where its state lives. */
const backendArguments = (backends: BackendUrls): string[] => [
  '--home',
  backends.home,
  '--store',
  backends.store,
  '--state',
  backends.state,
  '--queue',
  backends.queue,
  '--scheduler',
  backends.scheduler,
];

export async function createCoordinatorDeps(
  drivers: Drivers,
  scheduler: BackendUrls['scheduler'],
  onProgress?: OnProgress,
): Promise<CoordinatorDeps> {
  const { createInputSources, createIdLedgers } = await import('../backends/input/index.ts');
  const scratch = await drivers.scratch();
  const { store, state, queue, clock, random, ids, host, env } = drivers;
  return {
    store,
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
    decideRetry,
    async aggregate({ job, fenced }) {
      const aggregator = await openAggregator(drivers);
      try {
        const { publication, manifest } = await aggregate(
          {
            ...aggregator.deps,
            onProgress: ({ done, total }) => onProgress?.({ phase: 'merging', done, total, unit: 'parts' }),
          },
          { job, fenced },
        );
        return { publication, succeeded: manifest.succeeded, failed: manifest.failed };
      } finally {
        await aggregator.close();
      }
    },
    workerCommand: (assignment, backends) => [
      process.execPath,
      packageFile('bin/slurmctl-worker.js'),
      '--job',
      assignment.job,
      '--submission',
      assignment.submission,
      '--wave',
      String(assignment.wave),
      '--offset',
      String(assignment.offset),
      '--wave-elements',
      String(assignment.waveElements),
      ...backendArguments(backends),
    ],
    advanceCommand: (job, backends) => [
      process.execPath,
      packageFile('bin/slurmctl.js'),
      'advance',
      job,
      '--wait-lease',
      '10m',
      ...backendArguments(backends),
    ],
    elementLogDir: (job: JobId, backends, kind) => makeElementLogDir(backends.home, job, kind),
  };
}
